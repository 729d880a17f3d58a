-- howdah.take_pending: the due ranges of a lane that come first, as one claim: several where they have the same history.
-- What does not fit stays, right behind. Taken entries are never walked again: the floor lies above them.
-- An ordered lane gives its oldest events, or nothing while they are not due; blocked says that it has one.
-- Index: pending_queue.
create or replace function howdah.take_pending(c howdah.consumer, t howdah.topic, lane int, n int, inout s howdah.lane_state,
        out events int, out first_id bigint, out last_id bigint, out bits bit varying, out attempts int, out blocked boolean)
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    at    timestamptz := clock_timestamp();
    every int := case when c.ordered and c.lanes > 1 then lane end;
    p     howdah.pending;
    parts int := 0;
    room  int := n;
    small int;
    ids   bigint[] := '{}';
    found_ids bigint[];
    taken bigint[];
    base  bigint;
    next  bigint;
    size  bigint := 0;                                      -- bytes of payload taken
    fit   record;
    holes boolean := false;                                 -- a range that was taken has ids that do not belong to it
begin
    blocked := false;
    loop
        if c.ordered then
            select * into p from howdah.pending x where x.consumer = c.number and x.lane = take_pending.lane and x.queue_at is not null
                and x.queue_at > s.floor_at order by x.first_id limit 1;
            blocked := p.seq is not null;                   -- a range whose rows are gone blocks nothing
            exit when p.seq is null or p.due > at or parts > 0;
        else
            select * into p from howdah.pending x where x.consumer = c.number and x.lane = take_pending.lane and x.queue_at is not null
                and (x.queue_at, x.seq) > (s.floor_at, s.floor_seq) and x.queue_at <= at order by x.queue_at, x.seq limit 1;
            exit when p.seq is null or parts > 0 and (p.attempts, p.batch_limit) is distinct from (attempts, small);
        end if;
        if parts = 0 then
            room := least(n, p.batch_limit);
        end if;
        found_ids := howdah.members(t, every, p.first_id, p.last_id, p.bits, room + 1);
        taken := found_ids[1:room];
        if c.ordered and cardinality(found_ids) > 0 then
            -- Ranges may lie inside each other: what comes first is the lowest event, not the lowest range.
            select min(x.first_id) into next from howdah.pending x where x.consumer = c.number and x.lane = take_pending.lane
                and x.queue_at is not null and x.queue_at > s.floor_at and x.seq <> p.seq;
            if next < found_ids[1] then
                update howdah.pending x set first_id = found_ids[1], bits = substring(x.bits from (found_ids[1] - x.first_id + 1)::int)
                    where x.seq = p.seq;
                continue;
            end if;
            taken := array(select i from unnest(taken) i where i <= found_ids[1] or i < next is not false order by i);
        end if;
        if cardinality(found_ids) > 0 then
            -- the bit string of a claim has one bit for each id from its first to its last
            base := least(first_id, taken[1]);
            taken := array(select i from unnest(taken) i where greatest(i, last_id) - base < 100000 order by i);
            select * into fit from howdah.fit(t, taken, size);
            taken := fit.ids;
            exit when cardinality(taken) = 0;
            size := size + fit.size;
        end if;
        delete from howdah.pending x where x.seq = p.seq;
        if c.ordered then
            if not exists (select from howdah.pending x where x.consumer = c.number and x.lane = take_pending.lane
                           and x.queue_at is not null and x.queue_at > s.floor_at) and cardinality(taken) = cardinality(found_ids) then
                s.floor_at := p.queue_at;
            end if;
        else
            s.floor_at := p.queue_at;
            s.floor_seq := p.seq;
        end if;
        continue when cardinality(found_ids) = 0;   -- its rows are gone
        if cardinality(taken) < cardinality(found_ids) then
            insert into howdah.pending (consumer, lane, queue_at, due, first_id, last_id, bits, events, attempts, batch_limit, error)
            values (p.consumer, p.lane, p.queue_at, p.due, taken[cardinality(taken)] + 1, p.last_id,
                    substring(p.bits from (taken[cardinality(taken)] + 2 - p.first_id)::int),
                    greatest(1, p.events - cardinality(taken)), p.attempts, p.batch_limit, p.error);
        end if;
        parts := parts + 1;
        holes := holes or p.bits is not null;
        ids := ids || taken;
        attempts := p.attempts;
        small := p.batch_limit;
        first_id := base;
        last_id := greatest(last_id, taken[cardinality(taken)]);
        room := room - cardinality(taken);
        exit when room = 0 or cardinality(taken) < cardinality(found_ids);
    end loop;
    events := cardinality(ids);
    if parts > 1 or holes then
        bits := howdah.bits_of(ids, first_id, last_id);
    end if;
end $$;
revoke execute on function howdah.take_pending(howdah.consumer, howdah.topic, int, int, howdah.lane_state) from public;
