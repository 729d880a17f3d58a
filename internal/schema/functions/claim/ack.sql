-- howdah.ack: the claim's events (or those named) are done; returns how many are acked now. In the worker's own transaction
-- results and ack commit together. A claim that is no longer held is an error that aborts that transaction.
create or replace function howdah.ack(claim_id bigint, ids bigint[] default null) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    k howdah.claims := howdah.held_claim(claim_id, 'ack');
begin
    if ids is null then
        update howdah.claims x set ended_at = clock_timestamp(), outcome = 'acked' where x.claim_id = k.claim_id;
        return k.held;
    end if;
    ids := howdah.pick_ids(k, ids);
    perform howdah.settle(k, ids, 'acked');
    return cardinality(ids);
end $$;
