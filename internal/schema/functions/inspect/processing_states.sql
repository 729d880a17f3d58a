-- howdah.processing_states: for every event of a consumer's topic what became of it: waiting, open, pending, dead, skipped, lost or
-- processed, and when. Derived, not stored. processed_time is the end of the claim that finished it while that is kept as
-- history, later the time up to which history was folded; null: not processed. Reads the topic from from_id to until_id (null: all
-- of it) by its primary key, and the consumer's claims. Needs SELECT on the topic's table.
create or replace function howdah.processing_states(consumer text, from_id bigint default null, until_id bigint default null)
returns table (id bigint, event_time timestamptz, received_time timestamptz, processed_time timestamptz, state text, attempts int, error text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c howdah.consumer := howdah.find_consumer(consumer);
    t howdah.topic;
    lo bigint := coalesce(from_id, -9223372036854775808);
    hi bigint := coalesce(until_id, 9223372036854775807);
begin
    select * into t from howdah.topic y where y.number = c.topic;
    perform howdah.need('SELECT', t.source);
    return query execute format($q$
        with lane as (
            select l as lane, (howdah.lane_of($1, l)).* from generate_series(0, $2 - 1) l
        ), claims as materialized (
            select * from howdah.claims k where k.consumer = $1 and k.first_id <= $5 and k.last_id >= $4
                and (k.ended_at is null or k.outcome in ('acked', 'skipped', 'lost') or k.bits is not null)
        ), spans as (
            -- rank 1: where the event is now; 2: who finished it, the newest first; 3: a claim that let go of it earlier
            select p.lane, p.first_id, p.last_id, p.bits, 1 as rank, p.seq as nr, 'pending' as state, null::timestamptz as at, p.attempts, p.error
                from howdah.pending p where p.consumer = $1 and p.queue_at is not null and p.first_id <= $5 and p.last_id >= $4
            union all
            select p.lane, p.first_id, p.last_id, p.bits, 1, p.seq, 'pending', null, p.attempts, p.error
                from lane l, howdah.pending p where p.claim_id = any (l.open) and p.queue_at is null and p.first_id <= $5 and p.last_id >= $4
            union all
            select d.lane, d.id, d.id, null, 1, 0, 'dead', null, d.attempts, d.error from howdah.dead d where d.consumer = $1 and d.id between $4 and $5
            union all
            select k.lane, k.first_id, k.last_id, k.bits, case when k.ended_at is null then 1 else 2 end, k.claim_id,
                   case when k.ended_at is null then 'open' when k.outcome in ('skipped', 'lost') then k.outcome else 'processed' end,
                   case when k.outcome in ('acked', 'nacked') then k.ended_at end, coalesce(k.attempts, 0) + 1, null
                from claims k where k.ended_at is null or k.outcome in ('acked', 'skipped', 'lost')
            union all
            select k.lane, k.first_id, k.last_id, ~k.bits, 3, k.claim_id, 'processed', coalesce(k.ended_at, k.claimed_at), coalesce(k.attempts, 0) + 1, null
                from claims k where k.bits is not null
        ), ids as (
            select distinct on (x.lane, i) x.lane, i as id, x.state, x.at, x.attempts, x.error
            from spans x, generate_series(greatest(x.first_id, $4), least(x.last_id, $5)) i
            where x.bits is null or get_bit(x.bits, (i - x.first_id)::int) = 0
            order by x.lane, i, x.rank, x.nr desc
        )
        select e.id::bigint, e.event_time, e.received_at,
               case when coalesce(x.state, 'processed') = 'processed' and e.id < l.head then coalesce(x.at, f.ended_at, $3) end,
               case when x.state in ('pending', 'dead', 'open') then x.state when e.id >= l.head then 'waiting' else coalesce(x.state, 'processed') end,
               case when e.id >= l.head and x.state is distinct from 'dead' then 0 else coalesce(x.attempts, 1) end, x.error
        from howdah.topic_%s e
        join lane l on l.lane = case when $2 > 1 then e.partition else 0 end
        left join ids x on x.lane = l.lane and x.id = e.id
        left join howdah.folded f on f.consumer = $1 and f.lane = l.lane
        where e.id >= $4 and e.id <= $5
        order by e.id $q$, t.number) using c.number, c.lanes, c.created_at, lo, hi;
end $$;
