-- howdah.seek: moves the head of a consumer to earliest, latest, an id, or a time with its zone. What is open or pending ends
-- (acks of it fail); dead letters at or above the target are dropped, because their events will be delivered again or have
-- been skipped. What a seek forward passes over counts as skipped, not as processed.
create or replace function howdah.seek(consumer text, target text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c    howdah.consumer := howdah.lock_consumer(consumer);
    t    howdah.topic;
    s    howdah.lane_state;
    lane int;
    goal bigint;
begin
    select * into t from howdah.topic x where x.number = c.topic;
    perform howdah.need('SELECT', t.source);
    goal := howdah.resolve(t, 'target', target);
    delete from howdah.dead x where x.consumer = c.number and x.id >= goal;
    for lane in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, lane);
        perform howdah.end_open(c, s, 'ended by seek');
        delete from howdah.pending x where x.consumer = c.number and x.lane = lane;
        s.open := '{}';
        s.next_lease := null;
        if goal > s.head then
            perform howdah.write_state(c.number, lane, s, s.head, goal - 1, 'skipped');
        end if;
        s.head := goal;
        s.stable := least(s.stable, goal - 1);
        perform howdah.write_state(c.number, lane, s);
    end loop;
end $$;
