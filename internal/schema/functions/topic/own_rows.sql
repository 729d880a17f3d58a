-- howdah.own_rows: a topic's table as FROM names it: without tables that inherit from it, whose rows no mark announces.
create or replace function howdah.own_rows(source regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp as $$
    select case when c.relkind = 'r' then 'only ' else '' end || source::text from pg_class c where c.oid = source
$$;
revoke execute on function howdah.own_rows(regclass) from public;
