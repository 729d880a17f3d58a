-- howdah.reinstall_collections: renews what is generated for each collection; the migration calls it after an upgrade.
create or replace function howdah.reinstall_collections() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
    select howdah.install_collection(number) from howdah.collection order by number;
    select howdah.install_dispatch();
$$;
revoke execute on function howdah.reinstall_collections() from public;
