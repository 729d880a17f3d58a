-- howdah.collection_stats: figures of one collection, as PostgreSQL estimates them: without reading it.
create or replace function howdah.collection_stats(collection int, out documents bigint, out versions bigint, out bytes bigint, out history_bytes bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(pg_stat_get_live_tuples(c.source), 0), coalesce(pg_stat_get_live_tuples(c.history), 0),
           pg_total_relation_size(c.source), pg_total_relation_size(c.history)
    from howdah.collection c where c.number = collection_stats.collection
$$;
