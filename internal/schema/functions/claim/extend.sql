-- howdah.extend: prolongs the claim by a lease from now; returns until when it is held. An inserted row: it never meets a
-- worker's uncommitted ack, and the worker's transaction may be at any isolation level.
-- Locks: the claim's row FOR KEY SHARE, which makes the expiry sweep pass it by.
create or replace function howdah.extend(claim_id bigint, lease interval default null) returns timestamptz
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    k     howdah.claims;
    x     record;
    until timestamptz;
begin
    perform howdah.check_lease(lease, true);
    select * into k from howdah.claims y where y.claim_id = extend.claim_id and y.first_id is not null for key share;
    if k.claim_id is null or k.ended_at is not null then
        perform howdah.held_claim(claim_id, 'extend');
        raise exception 'claim % is no longer held', claim_id using errcode = 'HW001';
    end if;
    select c.lease, t.source into x from howdah.consumer c join howdah.topic t on t.number = c.topic where c.number = k.consumer;
    perform howdah.need('SELECT', x.source);
    until := clock_timestamp() + coalesce(lease, x.lease);
    insert into howdah.extension values (k.claim_id, until) on conflict do nothing;
    return until;
end $$;
