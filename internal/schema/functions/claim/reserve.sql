-- howdah.reserve: makes a claim and says what it covers, without the rows: the first half of howdah.claim, for clients that
-- commit it before they read. One inserted row; no row where there is nothing to do.
-- Locks: the consumer's row FOR NO KEY UPDATE to the end of the transaction, so commit at once.
create or replace function howdah.reserve(consumer text, batch int default 100, lease interval default null,
        from_time timestamptz default null, until_time timestamptz default null, newest_first boolean default false,
        out claim_id bigint, out lane int, out first_id bigint, out last_id bigint, out bits bit varying, out events int,
        out attempt int, out lease_until timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c       howdah.consumer;
    t       howdah.topic;
    s       howdah.lane_state;
    x       record;
    changed boolean;
    shift   int;
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
    if from_time is not null or until_time is not null or newest_first then
        perform howdah.check_window(c, t, from_time, until_time);
    end if;
    if c.paused then
        events := 0;
        return;
    end if;
    shift := case when c.lanes > 1 then floor(random() * c.lanes)::int else 0 end;
    for i in 0..c.lanes - 1 loop
        lane := (i + shift) % c.lanes;
        s := howdah.lane_of(c.number, lane);
        changed := false;
        if cardinality(s.open) > 0 then
            select * into x from howdah.settle_lane(c, t, lane, s);
            s := x.s;
            changed := x.changed;
        end if;
        if c.ordered and cardinality(s.open) > 0 then
            events := 0;
        elsif from_time is not null or until_time is not null or newest_first then
            select * into x from howdah.take_window(c, t, batch, from_time, until_time, newest_first, s);
            s := x.s;
            events := x.events;
            bits := x.bits;
            attempt := x.attempts + 1;
        else
            select * into x from howdah.take_pending(c, t, lane, batch, s);
            changed := changed or x.s is distinct from s;
            s := x.s;
            events := x.events;
            bits := x.bits;
            attempt := x.attempts + 1;
            if events = 0 and not x.blocked then
                select * into x from howdah.take_head(t, case when c.ordered and c.lanes > 1 then lane end, batch, s);
                s := x.s;
                events := x.events;
                changed := changed or x.moved;
                bits := null;
                attempt := 1;
            end if;
        end if;
        if events > 0 then
            claim_id := nextval('howdah.claim_number') << 20 | floor(random() * 1048576)::bigint;
            first_id := x.first_id;
            last_id := x.last_id;
            lease_until := clock_timestamp() + coalesce(lease, c.lease);
            insert into howdah.claims (claim_id, consumer, lane, first_id, last_id, bits, held, attempts, lease_until, xid, owner,
                                       head, stable, open, next_lease, look_at, floor_at, floor_seq)
            values (claim_id, c.number, lane, first_id, last_id, bits, events, attempt - 1, lease_until, pg_current_xact_id(),
                    nullif(current_setting('application_name'), '') || ' ' || pg_backend_pid(),
                    s.head, s.stable, s.open || claim_id, least(s.next_lease, lease_until), s.look_at, s.floor_at, s.floor_seq);
            return;
        elsif changed then
            perform howdah.write_state(c.number, lane, s);
        end if;
    end loop;
    claim_id := null; lane := null; attempt := null;
end $$;
