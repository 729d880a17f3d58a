-- howdah.claim: one claim of at most batch events for this worker alone, for as long as its lease; no rows: nothing to do now.
-- Commit at once (autocommit): the claim holds the consumer's lock until its transaction ends. Needs READ COMMITTED.
-- All rows carry the same claim_id; settle them with howdah.ack and howdah.nack.
create or replace function howdah.claim(consumer text, batch int default 100, lease interval default null,
        from_time timestamptz default null, until_time timestamptz default null, newest_first boolean default false)
returns table (claim_id bigint, partition int, id bigint, key text, payload json, headers jsonb,
               event_time timestamptz, received_at timestamptz, attempt int)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    r record;
    t howdah.topic;
begin
    select * into r from howdah.reserve(claim.consumer, claim.batch, claim.lease, claim.from_time, claim.until_time, claim.newest_first);
    if r.claim_id is not null then
        select y.* into t from howdah.topic y join howdah.consumer c on c.topic = y.number where c.name = claim.consumer;
        return query
            select r.claim_id, e.partition, e.id, e.key, e.payload, e.headers, e.event_time, e.received_at, r.attempt
            from howdah.rows(t, (select case when c.lanes > 1 then r.lane end from howdah.consumer c where c.name = claim.consumer),
                             r.first_id, r.last_id, r.bits) e;
    end if;
end $$;
