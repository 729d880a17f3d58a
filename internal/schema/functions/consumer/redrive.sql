-- howdah.redrive: sends dead letters (all, or those named) round again with fresh attempts; returns how many. In an ordered
-- consumer they come after what has passed them: redrive breaks its order.
create or replace function howdah.redrive(consumer text, ids bigint[] default null) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c     howdah.consumer := howdah.lock_consumer(consumer);
    s     howdah.lane_state;
    moved bigint[];
    total bigint := 0;
    lane  int;
    first bigint;
    part  bigint[];
    wrong text;
begin
    perform howdah.need('SELECT', (select x.source from howdah.topic x where x.number = c.topic));
    select string_agg(coalesce(i::text, 'null'), ', ') into wrong from (
        select i from unnest(ids) i where (select d.id from howdah.dead d where d.consumer = c.number and d.id = i) is null limit 10) x;
    if wrong is not null then
        raise exception 'consumer % has no dead letter with id %', quote_literal(consumer), wrong
            using errcode = 'invalid_parameter_value', hint = 'See the view howdah.dead_letters; howdah.replay delivers what was processed again.';
    end if;
    for lane in 0..c.lanes - 1 loop
        if ids is null then
            with gone as (delete from howdah.dead d where d.consumer = c.number and d.lane = lane returning d.id)
            select array_agg(g.id order by g.id) into moved from gone g;
        else
            with gone as (delete from howdah.dead d where d.consumer = c.number and d.lane = lane and d.id = any (ids) returning d.id)
            select array_agg(g.id order by g.id) into moved from gone g;
        end if;
        continue when moved is null;
        total := total + cardinality(moved);
        s := howdah.lane_of(c.number, lane);
        -- in pieces of at most 10,000 ids from first to last, so that bit strings stay short
        for part in select array_agg(i order by i) from unnest(moved) i group by i / 10000 order by 1 loop
            perform howdah.queue(c.number, lane, s, clock_timestamp(), part[1], part[cardinality(part)],
                                 case when cardinality(part) < part[cardinality(part)] - part[1] + 1
                                      then howdah.bits_of(part, part[1], part[cardinality(part)]) end, cardinality(part), 0);
        end loop;
    end loop;
    return total;
end $$;
