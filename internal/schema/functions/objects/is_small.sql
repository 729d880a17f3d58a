-- howdah.is_small: whether an object is read in one statement: one piece of at most 2 MiB. No locks, no tables.
create or replace function howdah.is_small(size bigint, pieces bigint[]) returns boolean
language sql immutable as $$
    select size operator(pg_catalog.<=) 2097152 and pg_catalog.cardinality(pieces) operator(pg_catalog.<=) 1
$$;
