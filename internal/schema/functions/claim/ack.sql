-- howdah.ack: the claim's events (or those named) are done; returns how many are acked now. In the worker's own transaction
-- results and ack commit together. A claim that is no longer held is an error that aborts that transaction.
create or replace function howdah.ack(claim_id bigint, ids bigint[] default null) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    k    howdah.claims;
    held bigint;
begin
    if ids is null then
        -- The usual case in one statement. Where it finds nothing, held_claim says why or allows it after all.
        update howdah.claims x set ended_at = clock_timestamp(), outcome = 'acked'
            from howdah.consumer c join howdah.topic t on t.number = c.topic
            where x.claim_id = ack.claim_id and x.ended_at is null and x.first_id is not null and c.number = x.consumer
            and has_table_privilege(howdah.caller(), t.source, 'SELECT') and x.xid is distinct from pg_current_xact_id_if_assigned()
            returning x.held into held;
        if found then
            return held;
        end if;
    end if;
    k := howdah.held_claim(claim_id, 'ack');
    if ids is null then
        update howdah.claims x set ended_at = clock_timestamp(), outcome = 'acked' where x.claim_id = k.claim_id;
        return k.held;
    end if;
    ids := howdah.pick_ids(k, ids);
    perform howdah.settle(k, ids, 'acked');
    return cardinality(ids);
end $$;
