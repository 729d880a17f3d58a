-- howdah.reserve_next: what a process with workers that have drained a topic asks for all of them together while producers are
-- at work: how far the topic is settled now (as howdah.pulse) and, for each consumer to whom that is news (seen is less), the
-- claim of the next events that howdah.reserve would make, all of them in one look and one insert. A row for each claim
-- (consumer: its place in the list), or one with the first two columns alone. Left out is who has more to do than to take what
-- comes next (a retry is due, a lease has passed), is ordered, paused or locked, or asks for what is refused: it calls
-- howdah.reserve. The topic by its number. Needs SELECT on it.
-- Locks: the rows of those consumers FOR NO KEY UPDATE, by name, to the end of the transaction, so commit at once.
create or replace function howdah.reserve_next(topic int, consumers text[], seen bigint[], batches int[], leases interval[])
returns table (stable bigint, marked boolean, consumer int, claim_id bigint, first_id bigint, last_id bigint, events int,
               lease_until timestamptz, drained_to bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
    t    howdah.topic;
    x    record;
    mine howdah.consumer[];
    at   timestamptz;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        perform howdah.refuse_isolation();
    end if;
    t := howdah.numbered_topic(topic);
    x := howdah.stable(t);
    if x.stable > (select min(y) from unnest(seen) y) then
        select array_agg(y.c) into mine from (
            select c from howdah.consumer c, array_position(consumers, c.name) place
            where c.name = any (consumers) and c.topic = t.number and c.lanes = 1 and not c.ordered and not c.paused
                and seen[place] < x.stable and batches[place] between 1 and 10000
                and (leases[place] between interval '1 ms' and interval '7 days' or leases[place] is null)
            order by c.name for no key update of c skip locked) y;
        at := clock_timestamp();
        -- A later statement than the locks and the stable id.
        return query
            with lanes as materialized (
                select c.number, place, batches[place] as batch, coalesce(leases[place], c.lease) as lease, k.*,
                       case when k.crowded then array(select y.claim_id from howdah.claims y where y.claim_id = any (k.open) and y.ended_at is null)
                            else k.open end as still
                from unnest(mine) c, array_position(consumers, c.name) place, lateral howdah.lane_look(c.number, 0, false, at) k
                where not k.news and not k.queued and k.head <= x.stable),
            heads as materialized (
                select h.*, a.batch as found, case when a.batch[1] < h.batch and a.batch[5] is null then a.bound else a.batch[3] end + 1 as next
                from (select distinct head, batch from lanes) h, lateral howdah.look_ahead(t, null, h.head, x.stable, h.batch) a),
            made as materialized (
                select l.*, h.found, h.next, greatest(l.stable, x.stable) as seen, clock_timestamp() + l.lease as until,
                       howdah.new_claim_id() as claim_id
                from lanes l join heads h on h.head = l.head and h.batch = l.batch where h.found[1] > 0),
            added as (
                insert into howdah.claims (claim_id, consumer, lane, first_id, last_id, held, attempts, lease_until, xid, owner,
                                           head, stable, open, next_lease, look_at, floor_at, floor_seq)
                select m.claim_id, m.number, 0, m.found[2], m.found[3], m.found[1], 0, m.until, pg_current_xact_id(),
                       nullif(current_setting('application_name'), '') || ' ' || pg_backend_pid(),
                       m.next, m.seen, m.still || m.claim_id, least(m.next_lease, m.until),
                       case when m.crowded then howdah.next_look(cardinality(m.still)) else m.look_at end, m.floor_at, m.floor_seq
                from made m)
            select x.stable, x.marked, m.place, m.claim_id, m.found[2], m.found[3], m.found[1]::int, m.until,
                   case when m.next > m.seen then m.seen end
            from made m;
        if found then
            return;
        end if;
    end if;
    stable := x.stable;
    marked := x.marked;
    return next;
end $$;
