-- howdah.need: refuses a caller without that right on a topic's table. The rights are PostgreSQL's own.
create or replace function howdah.need(privilege text, source regclass) returns void
language plpgsql stable as $$
begin
    if not (has_table_privilege(howdah.caller(), source, privilege)
            or privilege = 'INSERT' and has_any_column_privilege(howdah.caller(), source, 'INSERT')) then
        raise exception 'permission denied: % lacks % on %', howdah.caller(), privilege, source
            using errcode = 'insufficient_privilege',
                  hint = format('The owner may say: grant %s on %s to %I;', lower(privilege), source, howdah.caller());
    end if;
end $$;
