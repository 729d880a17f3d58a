-- howdah.create_access_key: makes a key for the S3 API and returns it; the secret is shown this once. buckets says what it may do:
-- {"models": "write", "logs": "read"}; null: everything. For the owner.
create or replace function howdah.create_access_key(name text, buckets jsonb default null, out access_key text, out secret_key text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    perform howdah.need_owner('create access keys');
    perform howdah.check_name('access key', name);
    if jsonb_typeof(buckets) <> 'object' or exists (select from jsonb_each_text(case when jsonb_typeof(buckets) = 'object' then buckets end) x where x.value not in ('read', 'write')) then
        raise exception 'buckets is %', buckets using errcode = 'invalid_parameter_value', hint = 'Use {"bucket": "read", "other": "write"}, or null for everything.';
    end if;
    if exists (select from howdah.access_key k where k.name = create_access_key.name and k.revoked_at is null) then
        raise exception 'access key % exists', quote_literal(name) using errcode = 'duplicate_object', hint = 'Take another name, or revoke it first.';
    end if;
    delete from howdah.access_key k where k.name = create_access_key.name;
    -- 122 bits a UUID, from the operating system's generator.
    access_key := 'HW' || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 18));
    secret_key := translate(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'), '+/=' || chr(10), 'Aa');
    insert into howdah.access_key (access_key, secret_key, name, buckets) values (access_key, secret_key, name, buckets);
end $$;
