-- howdah.watch: what a worker of a consumer should wait for after a claim that found nothing. behind: claim again now;
-- otherwise nothing is left up to stable. marked: a producer is open, follow the stable id (howdah.pulse); next_due: seconds
-- until a retry or a lease is due. Neither behind nor marked: sleep until a notification. Reads pg_locks once, before the rows.
create or replace function howdah.watch(consumer text, out topic int, out stable bigint, out behind boolean, out marked boolean,
        out next_due double precision)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_variable
declare
    c    howdah.consumer := howdah.find_consumer(consumer);
    t    howdah.topic;
    s    howdah.lane_state;
    x    record;
    due  timestamptz;
    lane int;
    hit  boolean;
    held boolean;
begin
    select * into t from howdah.topic y where y.number = c.topic;
    perform howdah.need('SELECT', t.source);
    topic := t.number;
    x := howdah.stable(t);
    stable := x.stable;
    marked := x.marked;
    behind := false;
    if c.paused then
        marked := false;
        next_due := 1;
        return;
    end if;
    for lane in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, lane);
        select min(greatest(k.lease_until, (select max(e.until) from howdah.extension e where e.claim_id = k.claim_id))), count(*) > 0
            into s.next_lease, held from howdah.claims k where k.claim_id = any (s.open) and k.ended_at is null;
        if s.head <= stable then
            execute format('select exists (select from howdah.topic_%s where %s id >= $1 and id <= $2)', t.number,
                           case when c.lanes > 1 then 'partition = ' || lane || ' and' else '' end) into hit using s.head, stable;
            if c.ordered and held and hit then
                due := least(due, clock_timestamp() + interval '50 ms');    -- until the claim before it ends
            else
                behind := behind or hit;
            end if;
        end if;
        due := least(due, s.next_lease, (select p.queue_at from howdah.pending p where p.consumer = c.number and p.lane = lane
                     and p.queue_at is not null and (c.ordered or (p.queue_at, p.seq) > (s.floor_at, s.floor_seq))
                     order by p.queue_at, p.seq limit 1),
                     (select min(p.due) from howdah.pending p where p.claim_id = any (s.open) and p.queue_at is null));
    end loop;
    next_due := case when due is not null then greatest(0, extract(epoch from due - clock_timestamp())) end;
end $$;
