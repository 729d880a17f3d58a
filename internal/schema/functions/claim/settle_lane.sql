-- howdah.settle_lane: takes note of what happened to a lane's open claims since its newest row: ended ones leave the list,
-- nacked events get their place in the queue, claims whose lease has passed are ended and their events queued. Looks at
-- all open claims; reserve calls it when something may have happened to them or the list has doubled.
-- A claim row that is locked is skipped: its worker is alive. The caller holds the consumer's lock.
-- A batch that is lost comes back in halves and counts no attempt; a delivery alone counts, and dies at max_attempts.
create or replace function howdah.settle_lane(c howdah.consumer, t howdah.topic, lane int, inout s howdah.lane_state, out changed boolean)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    at    timestamptz := clock_timestamp();
    x     record;
    ids   bigint[];
    still bigint[] := '{}';
    soon  timestamptz;
    every int := case when c.ordered and c.lanes > 1 then lane end;
begin
    changed := false;
    if cardinality(s.open) = 0 then
        return;
    end if;
    -- offset 0 makes it look each of them up.
    for x in
        select k.* from unnest(s.open) o (claim_id), lateral (
            select y.claim_id, y.first_id, y.last_id, y.attempts, y.held,
                   greatest(y.lease_until, (select max(e.until) from howdah.extension e where e.claim_id = y.claim_id)) as until
            from howdah.claims y where y.claim_id = o.claim_id and y.ended_at is null offset 0) k
        order by k.claim_id
    loop
        if x.until < at then
            declare
                k howdah.claims;
            begin
                select * into k from howdah.claims y where y.claim_id = x.claim_id and y.ended_at is null for update skip locked;
                -- an extension may have come while we looked
                if k.claim_id is not null and not exists
                        (select from howdah.extension e where e.claim_id = x.claim_id and e.until >= at) then
                    ids := howdah.members(t, every, k.first_id, k.last_id, k.bits);
                    if cardinality(ids) = 1 and k.attempts + 1 >= c.max_attempts then
                        insert into howdah.dead values (c.number, ids[1], lane, k.attempts + 1, 'lease expired', at)
                            on conflict (consumer, id) do update set attempts = excluded.attempts, error = excluded.error, failed_at = at;
                    elsif cardinality(ids) > 0 then
                        perform howdah.queue(c.number, lane, s, at, k.first_id, k.last_id, k.bits, cardinality(ids),
                            k.attempts + (cardinality(ids) = 1)::int, greatest(1, cardinality(ids) / 2), 'lease expired');
                    end if;
                    update howdah.claims y set ended_at = at, outcome = 'expired' where y.claim_id = x.claim_id;
                    changed := true;
                    continue;
                end if;
            end;
        end if;
        still := still || x.claim_id;
        soon := least(soon, x.until);
    end loop;
    -- After the look, so that every nack of a claim that was seen to have ended is visible.
    update howdah.pending p set queue_at = greatest(p.due, s.floor_at + interval '1 microsecond')
        where p.claim_id = any (s.open) and p.queue_at is null;
    changed := changed or found or cardinality(still) <> cardinality(s.open);
    s.open := still;
    s.next_lease := soon;
    s.look_at := howdah.next_look(cardinality(still));
end $$;
revoke execute on function howdah.settle_lane(howdah.consumer, howdah.topic, int, howdah.lane_state) from public;
