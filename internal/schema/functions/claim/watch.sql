-- howdah.watch: what a worker of a consumer should wait for after a claim that found nothing. behind: claim again now; marked: a
-- producer is open since mark_age seconds, poll; next_due: seconds until a retry or a lease is due. Neither behind nor marked: sleep
-- until a notification. Reads pg_locks once, before the rows.
create or replace function howdah.watch(consumer text, out topic int, out behind boolean, out marked boolean, out mark_age double precision,
        out next_due double precision)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_variable
declare
    c    howdah.consumer := howdah.find_consumer(consumer);
    t    howdah.topic;
    s    howdah.lane_state;
    x    record;
    due  timestamptz;
    lane int;
    hit  boolean;
begin
    select * into t from howdah.topic y where y.number = c.topic;
    topic := t.number;
    select count(*) > 0, extract(epoch from clock_timestamp() - min(m.since)) into marked, mark_age from howdah.marks(t.number) m;
    mark_age := coalesce(mark_age, 0);
    behind := false;
    if c.paused then
        marked := false;
        next_due := 1;
        return;
    end if;
    select * into x from howdah.stable(t);
    for lane in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, lane);
        if s.head <= x.stable then
            execute format('select exists (select from howdah.topic_%s where %s id >= $1 and id <= $2)', t.number,
                           case when c.lanes > 1 then 'partition = ' || lane || ' and' else '' end) into hit using s.head, x.stable;
            if c.ordered and cardinality(s.open) > 0 and hit then
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
