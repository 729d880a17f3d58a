-- howdah.replay: delivers the events from_id..until_id (both included) again, without touching the head. Left out is what is
-- open, pending, dead, not yet handed out or above the stable id: every id stays in one place. In an ordered consumer the range comes next.
create or replace function howdah.replay(consumer text, from_id bigint, until_id bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c    howdah.consumer := howdah.lock_consumer(consumer);
    t    howdah.topic;
    s    howdah.lane_state;
    x    record;
    lane int;
    edge bigint;                                            -- nothing can appear below it any more
    r    int8range;
begin
    select * into t from howdah.topic y where y.number = c.topic;
    perform howdah.need('SELECT', t.source);
    if from_id is null or until_id is null or from_id > until_id then
        raise exception 'the range from % until % is empty', coalesce(from_id::text, 'null'), coalesce(until_id::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Both ids are included; from_id must not be above until_id.';
    end if;
    select y.stable + 1 into edge from howdah.stable(t) y;
    for lane in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, lane);
        select * into x from howdah.settle_lane(c, t, lane, s);
        s := x.s;
        for r in
            select unnest(int8multirange(int8range(from_id, greatest(from_id, least(until_id + 1, s.head, edge)))) - howdah.elsewhere(c, lane, s, from_id, until_id))
        loop
            perform howdah.queue(c.number, lane, s, clock_timestamp(), lower(r), upper(r) - 1, null, upper(r) - lower(r), 0);
        end loop;
        perform howdah.write_state(c.number, lane, s);
    end loop;
end $$;
