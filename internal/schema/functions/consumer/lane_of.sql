-- howdah.lane_of: the state of a lane: what its newest claim row carries. Index: claims_of_lane, from its upper end. Compared as a
-- row, because with = the planner takes the primary key for as good and reads all newer claims of others.
create or replace function howdah.lane_of(consumer int, lane int) returns howdah.lane_state
language plpgsql volatile as $$
declare
    s howdah.lane_state;
begin
    select c.head, c.stable, c.open, c.next_lease, c.look_at, c.floor_at, c.floor_seq into s
    from howdah.claims c where (c.consumer, c.lane) >= (lane_of.consumer, lane_of.lane) and (c.consumer, c.lane) <= (lane_of.consumer, lane_of.lane)
    order by c.consumer desc, c.lane desc, c.claim_id desc limit 1;
    return s;
end $$;
revoke execute on function howdah.lane_of(int, int) from public;
