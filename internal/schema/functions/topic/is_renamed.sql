-- howdah.is_renamed: whether a topic's table has another name or schema than when its functions were generated. No locks.
create or replace function howdah.is_renamed(t howdah.topic) returns boolean
language sql stable set search_path = pg_catalog, pg_temp as $$
    select strpos(p.prosrc, 'from ' || howdah.own_rows(t.source) || ' ') = 0 from pg_proc p
    where p.oid = to_regprocedure(format('howdah.scan_%s(int, bigint, bigint, int)', t.number))
$$;
revoke execute on function howdah.is_renamed(howdah.topic) from public;
