-- howdah.id_at: the id from which on events were received at a time or later, by bisection over the ids, for looking around: ids
-- and arrival times ascend together but for transactions in parallel, so neighbours of their length may lie on the other
-- side. Index: the primary key, at most 64 look-ups. Needs SELECT on the topic's table.
create or replace function howdah.id_at(topic text, at timestamptz) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    t    howdah.topic := howdah.find_topic(topic);
    lo   bigint;
    hi   bigint;
    mid  bigint;
    x    record;
begin
    perform howdah.need('SELECT', t.source);
    if at is null then
        raise exception 'the time is null' using errcode = 'null_value_not_allowed', hint = 'Give a time with its zone.';
    end if;
    if t.window_column is null then
        raise exception 'topic % has no column of arrival times', quote_literal(topic)
            using errcode = 'feature_not_supported', hint = 'Search by id.';
    end if;
    execute format('select min(id), max(id) from howdah.topic_%s', t.number) into lo, hi;
    hi := hi + 1;
    while lo < hi loop
        mid := lo + (hi - lo) / 2;
        execute format('select id, received_at from howdah.topic_%s where id >= $1 and id < $2 order by id limit 1', t.number) into x using mid, hi;
        if x.id is null or x.received_at >= at then
            hi := mid;
        else
            lo := x.id + 1;
        end if;
    end loop;
    return coalesce(lo, 1);
end $$;
