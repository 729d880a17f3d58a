-- howdah.reinstall_topics: renews what is generated for each topic; the migration calls it after an upgrade.
create or replace function howdah.reinstall_topics() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
    select howdah.install_topic(number) from howdah.topic order by number
$$;
revoke execute on function howdah.reinstall_topics() from public;
