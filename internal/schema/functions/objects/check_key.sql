-- howdah.check_key: refuses what is not a key of an object: 1 to 1,024 bytes of UTF-8, anything but NUL. No locks, no tables.
create or replace function howdah.check_key(key text) returns void
language plpgsql immutable as $$
begin
    if key is null or octet_length(key) not between 1 and 1024 then
        raise exception 'the key has % bytes, not 1 to 1024', coalesce(octet_length(key), 0)
            using errcode = 'HW106', hint = 'Use a shorter key.';
    end if;
end $$;
