-- howdah.topic_stats: figures of one topic, without reading its events: first and last ids come from the index or the segments'
-- catalogue, events is the distance of ids (an upper bound where ids were left out). stable_id is null on a standby.
create or replace function howdah.topic_stats(topic int, out events bigint, out first_id bigint, out last_id bigint,
        out stable_id bigint, out bytes bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t howdah.topic;
begin
    select * into t from howdah.topic x where x.number = topic_stats.topic;
    last_id := howdah.last_drawn(t.sequence);
    if not pg_is_in_recovery() then
        select s.stable into stable_id from howdah.stable(t) s;
    end if;
    if t.retention is null then
        execute format('select min(id) from howdah.topic_%s', topic) into first_id;
        events := greatest(last_id - first_id + 1, 0);         -- the first event may be younger than last_id
        bytes := pg_total_relation_size(t.source);
    else
        select min(g.first_id), coalesce(sum(least(coalesce(g.last_id, last_id), g.until_id - 1) - g.first_id + 1) filter (where g.first_id <= last_id), 0),
               sum(pg_total_relation_size(g.leaf))
            into first_id, events, bytes from howdah.segment g where g.topic = topic_stats.topic and g.emptied_at is null;
    end if;
end $$;
