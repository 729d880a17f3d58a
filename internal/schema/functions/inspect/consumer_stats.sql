-- howdah.consumer_stats: figures of one consumer. waiting: not yet handed out; in_flight: in open claims; pending: to be
-- delivered again; dead; lag: waiting + in_flight + pending; lag_seconds: age of the oldest of these. With most, only so many
-- queued ranges and dead letters are counted, so that looking often stays cheap.
-- Reads each lane's newest row, its open claims and the queue; not the log.
create or replace function howdah.consumer_stats(consumer int, most bigint default null, out lag bigint, out lag_seconds double precision,
        out waiting bigint, out in_flight bigint, out pending bigint, out dead bigint, out head bigint, out open_claims bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    c      howdah.consumer;
    t      howdah.topic;
    s      howdah.lane_state;
    lane   int;
    last   bigint;
    lowest bigint;
    x      record;
    oldest timestamptz;
begin
    select * into c from howdah.consumer y where y.number = consumer_stats.consumer;
    select * into t from howdah.topic y where y.number = c.topic;
    last := coalesce(pg_sequence_last_value(t.sequence), 0);
    waiting := 0; in_flight := 0; open_claims := 0; pending := 0;
    for lane in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, lane);
        head := least(head, s.head);
        waiting := waiting + howdah.waiting(t, case when c.lanes > 1 then lane end, s.head, last);
        lowest := least(lowest, s.head);
        if cardinality(s.open) > 0 then
            select coalesce(sum(k.held), 0) as held, count(*) as open, min(k.first_id) as first_id into x
                from howdah.claims k where k.claim_id = any (s.open) and k.ended_at is null;
            in_flight := in_flight + x.held;
            open_claims := open_claims + x.open;
            lowest := least(lowest, x.first_id);
            select coalesce(sum(p.events), 0) as events, min(p.first_id) as first_id into x     -- nacked, without a place yet
                from howdah.pending p where p.claim_id = any (s.open) and p.queue_at is null;
            pending := pending + x.events;
            lowest := least(lowest, x.first_id);
        end if;
        select coalesce(sum(p.events), 0) as events, min(p.first_id) as first_id into x from (
            select p.events, p.first_id from howdah.pending p where p.consumer = c.number and p.lane = lane and p.queue_at is not null
                and (c.ordered or (p.queue_at, p.seq) > (s.floor_at, s.floor_seq)) order by p.queue_at, p.seq limit most) p;
        pending := pending + x.events;
        lowest := least(lowest, x.first_id);
    end loop;
    select count(*) into dead from (select from howdah.dead d where d.consumer = c.number limit most) d;
    lag := waiting + in_flight + pending;
    if lag > 0 and t.window_column is not null then
        execute format('select received_at from howdah.topic_%s where id >= $1 order by id limit 1', t.number) into oldest using lowest;
        lag_seconds := greatest(0, extract(epoch from clock_timestamp() - oldest));
    elsif lag = 0 then
        lag_seconds := 0;
    end if;
end $$;
