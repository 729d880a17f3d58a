-- howdah.check_name: refuses what is not a name of a topic, consumer or collection. No locks, no tables.
create or replace function howdah.check_name(kind text, name text) returns void
language plpgsql immutable as $$
begin
    if name is null or name !~ '^[a-z][a-z0-9_.-]{0,62}$' then
        raise exception '% name % is not allowed', kind, coalesce(quote_literal(name), 'null')
            using errcode = 'invalid_name',
                  hint = 'A name matches [a-z][a-z0-9_.-]{0,62}: a small letter, then at most 62 small letters, digits, _, . or -.';
    end if;
end $$;
