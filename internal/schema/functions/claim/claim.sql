-- howdah.claim: one claim of at most batch events for this worker alone, for as long as its lease; no rows: nothing to do now.
-- Commit at once (autocommit): the claim holds the consumer's lock until its transaction ends. Needs READ COMMITTED.
-- All rows carry the same claim_id; settle them with howdah.ack and howdah.nack.
create or replace function howdah.claim(consumer text, batch int default 100, lease interval default null,
        from_time timestamptz default null, until_time timestamptz default null, newest_first boolean default false)
returns table (claim_id bigint, partition int, id bigint, key text, payload json, headers jsonb,
               event_time timestamptz, received_at timestamptz, attempt int)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    r record;
    x record;
begin
    select * into r from howdah.reserve(claim.consumer, claim.batch, claim.lease, claim.from_time, claim.until_time, claim.newest_first);
    if r.claim_id is not null then
        select t, case when c.lanes > 1 then r.lane end as lane into x
            from howdah.consumer c join howdah.topic t on t.number = c.topic where c.name = claim.consumer;
        return query execute howdah.rows_query(x.t, x.lane, r.first_id, r.last_id, r.bits) using r.claim_id, r.bits, r.attempt;
    end if;
end $$;
