-- howdah.idle_seconds: how long ago the last claim of a consumer was made or ended, or else what moved its state: what tells
-- whether it has workers where its events have no time of arrival. Volatile, so that it sees what ended while others looked.
-- Index: claims_of_lane, from its upper end, as in howdah.lane_of.
create or replace function howdah.idle_seconds(consumer text) returns double precision
language plpgsql volatile set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    c      howdah.consumer := howdah.find_consumer(consumer);
    latest timestamptz;
begin
    for lane in 0..c.lanes - 1 loop
        -- What ended after the newest row was written is in its list.
        select greatest(latest, k.claimed_at, (select max(o.ended_at) from howdah.claims o where o.claim_id = any (k.open))) into latest
            from howdah.claims k where (k.consumer, k.lane) >= (c.number, lane) and (k.consumer, k.lane) <= (c.number, lane)
            order by k.consumer desc, k.lane desc, k.claim_id desc limit 1;
    end loop;
    return greatest(0, extract(epoch from clock_timestamp() - latest));
end $$;
revoke execute on function howdah.idle_seconds(text) from public;
