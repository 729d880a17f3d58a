-- howdah.check_bucket_name: refuses what is not a name of a bucket. The rule is S3's. No locks, no tables.
create or replace function howdah.check_bucket_name(name text) returns void
language plpgsql immutable as $$
begin
    if name is null or name !~ '^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$' or name ~ '\.\.|\.-|-\.' or name ~ '^[0-9]+(\.[0-9]+){3}$' then
        raise exception 'bucket name % is not allowed', coalesce(quote_literal(name), 'null')
            using errcode = 'invalid_name',
                  hint = 'A name has 3 to 63 small letters, digits, . or -, begins and ends with a letter or digit, and is no IP address.';
    end if;
end $$;
