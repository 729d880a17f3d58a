-- howdah.event_states: one event's way through every consumer of its topic: what howdah.processing_states says of it, and who holds it
-- until when, or when it is due again. Reads the claims that are kept of each consumer, not the log. Needs SELECT on the
-- topic's table.
create or replace function howdah.event_states(topic text, id bigint)
returns table (consumer text, state text, processed_time timestamptz, attempts int, error text, claim_id bigint, owner text, claimed_at timestamptz,
        lease_until timestamptz, due timestamptz, failed_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    t howdah.topic := howdah.find_topic(topic);
    c howdah.consumer;
    p record;
    k record;
    q record;
begin
    perform howdah.need('SELECT', t.source);
    for c in select * from howdah.consumer x where x.topic = t.number order by x.name loop
        for p in select * from howdah.processing_states(c.name, id, id) loop
            select null::bigint as claim_id, null::text as owner, null::timestamptz as claimed_at, null::timestamptz as lease_until into k;
            select null::timestamptz as due, null::timestamptz as failed_at into q;
            if p.state = 'open' then
                select o.claim_id, o.owner, o.claimed_at, o.lease_until into k from howdah.open_claims o join howdah.claims y on y.claim_id = o.claim_id
                    where o.consumer = c.name and id between o.first_id and o.last_id and (y.bits is null or get_bit(y.bits, (id - y.first_id)::int) = 0);
            elsif p.state = 'pending' then
                select min(x.due) as due, null::timestamptz as failed_at into q from howdah.pending x
                    where x.consumer = c.number and x.queue_at is not null and id between x.first_id and x.last_id and (x.bits is null or get_bit(x.bits, (id - x.first_id)::int) = 0);
            elsif p.state = 'dead' then
                select null::timestamptz as due, d.failed_at into q from howdah.dead d where d.consumer = c.number and d.id = id;
            end if;
            return query select c.name, p.state, p.processed_time, p.attempts, p.error, k.claim_id, k.owner, k.claimed_at, k.lease_until, q.due, q.failed_at;
        end loop;
    end loop;
end $$;
