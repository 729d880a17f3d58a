-- howdah.is_there: whether a table still exists: somebody may have dropped the table of a topic or a collection by hand, and
-- what looks at all of them must not fail because of one.
create or replace function howdah.is_there(source regclass) returns boolean
language sql stable as $$
    select exists (select from pg_catalog.pg_class c where c.oid operator(pg_catalog.=) source)
$$;
