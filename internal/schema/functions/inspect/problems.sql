-- howdah.problems: what is wrong now and what to do, for doctor and for the page: transactions that hold a topic back, dead letters,
-- consumers without workers, leases that have passed, segments, ids, old snapshots. No row: all is well. What has to be
-- proved event by event is howdah.check's. Reads what howdah.consumer_figures and howdah.topics read; not the log.
create or replace function howdah.problems()
returns table (kind text, level text, name text, problem text, advice text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    t   howdah.topic;
    hit boolean;
begin
    -- Other roles' sessions do not say since when they are open, and one that commits just now says it no more: they are young
    -- until an event that waits for them is old.
    return query
        select 'producers', case when h.since < clock_timestamp() - interval '1 min' then 'error' else 'warning' end, p.topic,
               format('%s has written and not committed for %s s%s: every consumer of the topic waits for it',
                      case when p.pid is null then 'prepared transaction ' || p.gid
                           else 'the session with pid ' || p.pid || coalesce(' of role ' || (select a.usename from pg_stat_activity a where a.pid = p.pid), '') end,
                      extract(epoch from clock_timestamp() - h.since)::bigint, case when p.since is null then ' or longer' else '' end),
               case when p.pid is not null then format('commit it, or, as its role: select pg_terminate_backend(%s);', p.pid)
                    else format('commit prepared %L; or rollback prepared %1$L;', p.gid) end
        from howdah.open_producers p join howdah.topic x on x.name = p.topic,
            lateral (select coalesce(p.since, howdah.held_since(x.number, p.low_mark)) as since) h
        where h.since < clock_timestamp() - interval '10 s';

    return query
        with figures as materialized (select * from howdah.consumer_figures()),
        late as (
            select o.consumer, o.claim_id, o.events, o.owner, o.claimed_at, o.lease_until from figures f, howdah.open_claims o
            where f.open_claims > 0 and o.consumer = f.consumer and o.lease_until < clock_timestamp() - interval '5 s'
        )
        select 'dead letters', 'warning', f.consumer, format('%s events were given up', case when f.dead < 10000 then f.dead::text else 'more than 10000' end),
               format('look: howdah consumer dead %s; mend the cause; then: howdah consumer redrive %1$s', f.consumer)
        from figures f where f.dead > 0
        union all
        select 'consumers', 'warning', f.consumer,
               case when f.paused then format('paused, with %s events waiting', f.lag)
                    when f.pending > 0 and f.waiting = 0 then format('%s events wait to be delivered again, %s, and no claim is open', f.pending, w.long)
                    else format('%s events wait, %s, and no claim is open: no worker runs%s', f.lag, w.long, case when f.lag_seconds is null then ', unless they have just come' else '' end) end,
               case when f.paused then 'howdah consumer resume ' || f.consumer else 'start a worker, or drop the consumer if nobody needs it' end
        from figures f
        cross join lateral (select case when f.lag_seconds is null and f.lag > 0 and f.in_flight = 0 then howdah.idle_seconds(f.consumer) end as seconds) idle
        cross join lateral (select coalesce('the oldest for ' || f.lag_seconds::bigint || ' s', 'nothing was claimed or finished for ' || idle.seconds::bigint || ' s') as long) w
        where f.lag > 0 and (f.paused or f.in_flight = 0 and coalesce(f.lag_seconds, idle.seconds) > 60)
        union all
        select 'sequences', 'error', f.consumer, format('its head is %s, but the last id drawn of topic %s is %s: new events would never be delivered', f.head, f.topic, howdah.last_drawn(s.sequence)),
               'somebody ran TRUNCATE … RESTART, setval or a restore: set the sequence forward, as the error of the next claim says'
        from figures f join howdah.topic s on s.name = f.topic where f.head > howdah.last_drawn(s.sequence) + 1     -- read after the head: where both are known
        union all
        select 'leases', 'warning', l.consumer,
               format('the lease of %s on %s events passed %s s ago, and no other worker has taken them', coalesce(l.owner, 'a worker'), l.events,
                      extract(epoch from clock_timestamp() - l.lease_until)::bigint),
               'its worker has died or hangs: start another one; the next claim takes the events over'
        from (select *, row_number() over (partition by consumer order by lease_until) as nr from late) l where l.nr <= 3;

    return query
        select 'segments', 'warning', s.topic, format('it takes %s of the %s bytes that it may: soon events that consumers still need are dropped', s.bytes, s.max_bytes),
               'see which consumer is behind; raise the limit with howdah.alter_topic'
        from howdah.topics s where s.max_bytes is not null and s.bytes > s.max_bytes * 0.9;
    for t in select * from howdah.topic x where x.retention is not null and howdah.is_there(x.source) order by x.name loop
        execute format('select exists (select from howdah_segments.topic_%s_rest)', t.number) into hit;
        if hit then
            return query select 'segments', 'warning', t.name, 'events are in its DEFAULT partition, because no segment was ready: retention works later for them'::text,
                'keep `howdah up` running, or call howdah.upkeep() every few seconds'::text;
        end if;
    end loop;

    return query
        select 'ids', 'warning', x.name, format('%s of %s ids are used: column %s is %s', y.last_id, l.most, a.attname, format_type(a.atttypid, null)),
               format('before it is full: alter table %s alter column %I type bigint; (rewrites the table, in a maintenance window)', x.source, a.attname)
        from howdah.topic x
        join howdah.topics y on y.topic = x.name
        join pg_attribute a on a.attrelid = x.source and a.attname = x.id_column
        cross join lateral (select case a.atttypid when 'smallint'::regtype then 32767 when 'integer'::regtype then 2147483647 else 9223372036854775807 end::bigint as most) l
        where x.adopted and y.last_id > l.most * 0.7
        union all
        select 'snapshots', 'warning', 'pid ' || s.pid, format('its transaction is open for %s s, and VACUUM cannot remove what ended since', extract(epoch from clock_timestamp() - s.xact_start)::bigint),
               format('end it if nobody needs it: select pg_terminate_backend(%s);', s.pid)
        from pg_stat_activity s where s.backend_xmin is not null and s.xact_start < clock_timestamp() - interval '1 hour' and s.datname = current_database()
            and s.pid <> pg_backend_pid()
        union all
        select 'prepared transactions', 'warning', p.gid, format('prepared at %s, neither committed nor rolled back', p.prepared), format('commit prepared %L; or rollback prepared %1$L;', p.gid)
        from pg_prepared_xacts p where p.prepared < clock_timestamp() - interval '10 min' and p.database = current_database();
end $$;
