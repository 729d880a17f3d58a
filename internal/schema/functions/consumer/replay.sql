-- howdah.replay: delivers the events from_id..until_id (both included) again, without touching the head. Left out is what is
-- open, pending, dead, not yet handed out or above the stable id: every id stays in one place. In an ordered consumer the range comes next.
-- The range is cut to the events that there are, which are counted as by howdah.waiting. Index: the topic's primary key, or (partition, id).
create or replace function howdah.replay(consumer text, from_id bigint, until_id bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    c     howdah.consumer := howdah.lock_consumer(consumer);
    t     howdah.topic;
    s     howdah.lane_state;
    x     record;
    lane  int;
    every int;
    low   bigint;                                           -- no id of the topic is lower
    edge  bigint;                                           -- nothing can appear below it any more
    first bigint;
    last  bigint;
    n     bigint;
    r     int8range;
begin
    select * into t from howdah.topic y where y.number = c.topic;
    perform howdah.need('SELECT', t.source);
    if from_id is null or until_id is null or from_id > until_id then
        raise exception 'the range from % until % is empty', coalesce(from_id::text, 'null'), coalesce(until_id::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Both ids are included; from_id must not be above until_id.';
    end if;
    select least(1, seqmin) into low from pg_sequence where seqrelid = t.sequence;
    if from_id < low then
        raise exception 'from_id is %, and no id is below %', from_id, low
            using errcode = 'invalid_parameter_value', hint = format('Begin at %s to replay everything.', low);
    end if;
    select y.stable + 1 into edge from howdah.stable(t) y;
    for lane in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, lane);
        select * into x from howdah.settle_lane(c, t, lane, s);
        s := x.s;
        every := case when c.lanes > 1 then lane end;
        execute format('select min(id), max(id) from howdah.topic_%s where %s id between %s and %s', t.number,
                       case when every is null then '' else 'partition = ' || every || ' and' end, from_id, least(until_id, s.head - 1, edge - 1)) into first, last;
        for r in select unnest(int8multirange(int8range(first, last, '[]')) - howdah.elsewhere(c, lane, s, first, last)) where first is not null loop
            n := howdah.waiting(t, every, lower(r), upper(r) - 1);
            if n > 0 then
                perform howdah.queue(c.number, lane, s, clock_timestamp(), lower(r), upper(r) - 1, null, n, 0);
            end if;
        end loop;
        perform howdah.write_state(c.number, lane, s);
    end loop;
end $$;
