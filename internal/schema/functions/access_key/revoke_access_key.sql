-- howdah.revoke_access_key: ends a key, by its name or by itself. For the owner.
create or replace function howdah.revoke_access_key(name text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    perform howdah.need_owner('revoke access keys');
    update howdah.access_key k set revoked_at = now() where revoke_access_key.name in (k.name, k.access_key) and k.revoked_at is null;
    if not found then
        raise exception 'unknown access key %', coalesce(quote_literal(name), 'null')
            using errcode = 'undefined_object',
                  hint = coalesce('There are: ' || (select string_agg(k.name, ', ' order by k.name) from howdah.access_key k where k.revoked_at is null) || '.',
                                  'There are no access keys; create one with howdah.create_access_key.');
    end if;
end $$;
