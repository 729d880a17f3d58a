-- howdah.lose_below: takes everything below an id from a consumer, because the topic's hard limit in bytes is reached.
create or replace function howdah.lose_below(c howdah.consumer, id bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    s    howdah.lane_state;
    lane int;
    was  bigint;
begin
    perform howdah.lock_consumer(c.name);
    delete from howdah.dead d where d.consumer = c.number and d.id < lose_below.id;
    for lane in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, lane);
        was := s.head;
        s.open := array(select k.claim_id from howdah.claims k where k.claim_id = any (s.open) and k.last_id >= lose_below.id order by 1);
        update howdah.claims k set ended_at = clock_timestamp(), outcome = 'lost'
            where k.consumer = c.number and k.lane = lane and k.ended_at is null and k.last_id < lose_below.id;
        delete from howdah.pending p where p.consumer = c.number and p.lane = lane and p.last_id < lose_below.id;
        s.head := greatest(s.head, lose_below.id);
        if s.head > was then
            raise warning 'consumer % lost its place: events % to % of its topic are gone, because the topic is above max_bytes', c.name, was, s.head - 1;
            perform howdah.write_state(c.number, lane, s, was, s.head - 1, 'lost');
        end if;
        perform howdah.write_state(c.number, lane, s);
    end loop;
end $$;
revoke execute on function howdah.lose_below(howdah.consumer, bigint) from public;
