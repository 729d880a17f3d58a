-- howdah.may_read: true, or an error where the current role may not read a collection. The history's views ask it once a query:
-- SELECT on docs.<collection> is the right to read its history too. No locks; the catalogue's caches.
create or replace function howdah.may_read(source regclass) returns boolean
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    if not has_table_privilege(source, 'SELECT') then
        raise exception 'permission denied: % lacks SELECT on %', current_user, source
            using errcode = 'insufficient_privilege', hint = format('The owner may say: grant select on %s to %I;', source, current_user);
    elsif row_security_active(source) then
        raise exception 'row-level security hides rows of % from %', source, current_user
            using errcode = 'insufficient_privilege', hint = 'History cannot respect row-level security: read the collection itself.';
    end if;
    return true;
end $$;
