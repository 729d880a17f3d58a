-- howdah.release: hands a claim back untouched: what it still holds is due again at once, and no attempt is counted. For workers
-- that stop before they began. Returns how many events.
create or replace function howdah.release(claim_id bigint) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    k howdah.claims := howdah.held_claim(claim_id, 'release');
begin
    insert into howdah.pending (consumer, lane, claim_id, due, first_id, last_id, bits, events, attempts)
    values (k.consumer, k.lane, k.claim_id, clock_timestamp(), k.first_id, k.last_id, k.bits, k.held, k.attempts);
    update howdah.claims x set ended_at = clock_timestamp(), outcome = 'released' where x.claim_id = k.claim_id;
    return k.held;
end $$;
