-- howdah.version_name: a version as S3 shows it. No locks, no tables.
create or replace function howdah.version_name(version bigint, unversioned boolean) returns text
language sql immutable as $$
    select case when unversioned then 'null' else pg_catalog.lpad(pg_catalog.to_hex(version), 16, '0') end
$$;
