-- howdah.elsewhere: the ids of a lane between two ids that are open, pending or dead, as ranges.
create or replace function howdah.elsewhere(c howdah.consumer, lane int, s howdah.lane_state, from_id bigint, until_id bigint)
returns int8multirange
language plpgsql stable as $$
#variable_conflict use_variable
declare
    answer int8multirange := '{}';
    x      record;
begin
    for x in
        select k.first_id, k.last_id, k.bits from howdah.claims k where k.claim_id = any (s.open) and k.ended_at is null
        union all
        select p.first_id, p.last_id, p.bits from howdah.pending p where p.consumer = c.number and p.lane = lane
        union all
        select d.id, d.id, null from howdah.dead d where d.consumer = c.number and d.id between from_id and until_id
    loop
        continue when x.last_id < from_id or x.first_id > until_id;
        answer := answer + howdah.covered(x.first_id, x.last_id, x.bits);
    end loop;
    return answer;
end $$;
revoke execute on function howdah.elsewhere(howdah.consumer, int, howdah.lane_state, bigint, bigint) from public;
