-- howdah.reserve: makes a claim and says what it covers, without the rows: the first half of howdah.claim, for clients that
-- commit it before they read. One inserted row; no row where there is nothing to do. A process with several workers may
-- ask for several claims at once (unordered, without a window), which costs little more than one. drained_to: behind this
-- claim nothing is left up to this stable id; null: there may be more.
-- Locks: the consumer's row FOR NO KEY UPDATE to the end of the transaction, so commit at once.
create or replace function howdah.reserve(consumer text, batch int default 100, lease interval default null,
        from_time timestamptz default null, until_time timestamptz default null, newest_first boolean default false, claims int default 1)
returns table (claim_id bigint, lane int, first_id bigint, last_id bigint, bits bit varying, events int, attempt int, lease_until timestamptz,
               drained_to bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_variable
declare
    c       howdah.consumer;
    t       howdah.topic;
    s       howdah.lane_state;
    x       record;
    at       timestamptz;
    news     boolean;                                       -- something happened to the lane's open claims
    queued   boolean;                                       -- a range may be due
    blocked  boolean;                                       -- an ordered lane has a range that is not due
    changed  boolean;                                       -- the state differs from the newest row in what matters
    looked   boolean;
    shift    int;
    made     int := 0;
    windowed boolean;
begin
    if batch is null or batch not between 1 and 10000 then
        raise exception 'batch is %, not between 1 and 10000', coalesce(batch::text, 'null')
            using errcode = 'invalid_parameter_value', hint = '100 is a good start; 1000 for small events and fast work.';
    end if;
    perform howdah.check_lease(lease, true);
    c := howdah.lock_consumer(consumer);
    select * into t from howdah.topic y where y.number = c.topic;
    perform howdah.need('SELECT', t.source);
    newest_first := coalesce(newest_first, false);
    windowed := from_time is not null or until_time is not null or newest_first;
    if windowed then
        perform howdah.check_window(c, t, from_time, until_time);
    end if;
    if c.paused then
        return;
    end if;
    lease := coalesce(lease, c.lease);
    shift := case when c.lanes > 1 then floor(random() * c.lanes)::int else 0 end;
    for i in 0..c.lanes - 1 loop
        lane := (i + shift) % c.lanes;
        at := clock_timestamp();
        -- The lane's state and, in the same look, whether something happened to its open claims and whether a range is due.
        select k.head, k.stable, k.open, k.next_lease, k.look_at, k.floor_at, k.floor_seq, k.news or k.crowded, k.queued
            into s.head, s.stable, s.open, s.next_lease, s.look_at, s.floor_at, s.floor_seq, news, queued
            from howdah.lane_look(c.number, lane, c.ordered, at) k;
        changed := false;
        looked := false;
        loop
            if news then
                x := howdah.settle_lane(c, t, lane, s);
                s := x.s;
                changed := changed or x.changed;
                queued := true;
                looked := true;
                news := false;
            end if;
            events := 0;
            exit when c.ordered and cardinality(s.open) > 0;
            if windowed then
                x := howdah.take_window(c, t, batch, from_time, until_time, newest_first, s);
                s := x.s;
                events := x.events;
                bits := x.bits;
                attempt := x.attempts + 1;
            else
                blocked := false;
                if queued then
                    x := howdah.take_pending(c, t, lane, batch, s);
                    changed := changed or x.s is distinct from s;
                    s := x.s;
                    events := x.events;
                    bits := x.bits;
                    attempt := x.attempts + 1;
                    blocked := x.blocked;
                    queued := events > 0;
                end if;
                if events = 0 and not blocked then
                    x := howdah.take_head(t, case when c.lanes > 1 then lane end, batch, s);
                    changed := changed or x.moved;
                    s := x.s;
                    events := x.events;
                    bits := null;
                    attempt := 1;
                end if;
            end if;
            if events = 0 and not looked and made = 0 and cardinality(s.open) > 32 then
                -- so many open claims are looked at only now and then; no rows has to mean that there is nothing to do
                news := true;
                continue;
            end if;
            exit when events = 0;
            claim_id := howdah.new_claim_id();
            first_id := x.first_id;
            last_id := x.last_id;
            lease_until := clock_timestamp() + lease;
            s.open := s.open || claim_id;
            s.next_lease := least(s.next_lease, lease_until);
            insert into howdah.claims (claim_id, consumer, lane, first_id, last_id, bits, held, attempts, lease_until, xid, owner,
                                       head, stable, open, next_lease, look_at, floor_at, floor_seq)
            values (claim_id, c.number, lane, first_id, last_id, bits, events, attempt - 1, lease_until, pg_current_xact_id(),
                    nullif(current_setting('application_name'), '') || ' ' || pg_backend_pid(),
                    s.head, s.stable, s.open, s.next_lease, s.look_at, s.floor_at, s.floor_seq);
            drained_to := case when s.head > s.stable and not queued and not windowed and c.lanes = 1 then s.stable end;
            changed := false;
            made := made + 1;
            return next;
            exit when windowed or c.ordered or made >= claims or drained_to is not null;
        end loop;
        if changed then
            perform howdah.write_state(c.number, lane, s);
        end if;
        exit when made > 0;
    end loop;
end $$;
