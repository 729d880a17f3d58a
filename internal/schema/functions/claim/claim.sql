-- howdah.claim: one claim of at most batch events for this worker alone, for as long as its lease; no rows: nothing to do now.
-- Commit at once (autocommit): the claim holds the consumer's lock until its transaction ends. Needs READ COMMITTED.
-- All rows carry the same claim_id; settle them with howdah.ack and howdah.nack.
create or replace function howdah.claim(consumer text, batch int default 100, lease interval default null,
        from_time timestamptz default null, until_time timestamptz default null, newest_first boolean default false)
returns table (claim_id bigint, partition int, id bigint, key text, payload json, headers jsonb,
               event_time timestamptz, received_at timestamptz, attempt int)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    r     record;
    t     howdah.topic;
    every int;                                              -- the lane, where the consumer has several
begin
    select * into r from howdah.reserve(claim.consumer, claim.batch, claim.lease, claim.from_time, claim.until_time, claim.newest_first);
    if r.claim_id is not null then
        select y.* into t from howdah.topic y join howdah.consumer c on c.topic = y.number where c.name = claim.consumer;
        select r.lane into every from howdah.consumer c where c.name = claim.consumer and c.lanes > 1;
        return query execute howdah.rows_query(t, every, r.first_id, r.last_id, r.bits) using r.claim_id, r.bits, r.attempt;
    end if;
end $$;
