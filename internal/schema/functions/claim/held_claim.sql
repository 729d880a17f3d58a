-- howdah.held_claim: the claim that its worker wants to settle, locked, or an error that says what became of it. Refused in
-- the transaction that claimed: a poison event would be retried for ever, because a rollback takes the claim back too.
-- Locks: the claim's row, FOR NO KEY UPDATE (an extension does not meet it).
create or replace function howdah.held_claim(claim_id bigint, what text) returns howdah.claims
language plpgsql volatile as $$
declare
    k howdah.claims;
    x record;
begin
    select * into k from howdah.claims y where y.claim_id = held_claim.claim_id and y.first_id is not null for no key update;
    if k.claim_id is null then
        raise exception 'claim % is not held', coalesce(claim_id::text, 'null')
            using errcode = 'HW001', detail = 'There is no such claim: it was lost in a crash, folded away after its end, or never made.',
                  hint = 'Its events are delivered again. Roll back what was done for them, and claim.';
    end if;
    select c.name, t.source into x from howdah.consumer c join howdah.topic t on t.number = c.topic where c.number = k.consumer;
    perform howdah.need('SELECT', x.source);
    if k.ended_at is not null then
        raise exception 'claim % of consumer % is no longer held: % at %', claim_id, quote_literal(x.name), k.outcome, k.ended_at
            using errcode = 'HW001',
                  hint = case k.outcome when 'expired' then 'Its lease passed and its events are delivered again: take a longer lease, or extend it while you work.'
                         when 'acked' then 'It has been acked before.' else 'Its events are delivered again where they have to be.' end;
    end if;
    if k.xid = pg_current_xact_id() and k.claimed_at >= transaction_timestamp() then
        raise exception '% in the transaction that claimed', what
            using errcode = 'invalid_transaction_state',
                  hint = 'Commit after the claim (autocommit); then work and ack in one transaction.';
    end if;
    return k;
end $$;
revoke execute on function howdah.held_claim(bigint, text) from public;
