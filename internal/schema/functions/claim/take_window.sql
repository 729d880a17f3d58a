-- howdah.take_window: a claim that is limited to a window of arrival times, or takes the newest first. Oldest first looks
-- at the due ranges, then at the head; newest first the other way round. What it leaves out below stays to be claimed.
create or replace function howdah.take_window(c howdah.consumer, t howdah.topic, n int, from_time timestamptz, until_time timestamptz,
        newest_first boolean, inout s howdah.lane_state,
        out events int, out first_id bigint, out last_id bigint, out bits bit varying, out attempts int)
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    at   timestamptz := clock_timestamp();
    p    howdah.pending;
    ids  bigint[] := '{}';
    step int;
begin
    select stable into s.stable from howdah.stable(t);
    attempts := 0;
    for step in 1..2 loop
        if (step = 1) = newest_first then
            continue when s.head > s.stable;
            ids := howdah.window_ids(t, s.head, s.stable, null, from_time, until_time, newest_first, n);
            if cardinality(ids) > 0 then
                ids := howdah.fit_window(t, ids, newest_first);
                if newest_first then
                    perform howdah.put_back(c, t, s, at, s.head, s.stable, null, ids, 0, null);
                    s.head := s.stable + 1;
                else
                    perform howdah.put_back(c, t, s, at, s.head, ids[cardinality(ids)], null, ids, 0, null);
                    s.head := ids[cardinality(ids)] + 1;
                end if;
                exit;
            end if;
        else
            for p in select * from howdah.pending x where x.consumer = c.number and x.lane = 0 and x.queue_at is not null
                    and (x.queue_at, x.seq) > (s.floor_at, s.floor_seq) and x.queue_at <= at
                    order by case when newest_first then -x.last_id end, x.queue_at, x.seq loop
                ids := howdah.window_ids(t, p.first_id, p.last_id, p.bits, from_time, until_time, newest_first, least(n, p.batch_limit));
                if cardinality(ids) > 0 then
                    ids := howdah.fit_window(t, ids, newest_first);
                    delete from howdah.pending x where x.seq = p.seq;
                    perform howdah.put_back(c, t, s, p.queue_at, p.first_id, p.last_id, p.bits, ids, p.attempts, p.batch_limit);
                    attempts := p.attempts;
                    exit;
                end if;
            end loop;
            exit when cardinality(ids) > 0;
        end if;
    end loop;
    events := cardinality(ids);
    if events > 0 then
        first_id := ids[1];
        last_id := ids[events];
        bits := howdah.bits_of(ids, first_id, last_id);
    end if;
end $$;
revoke execute on function howdah.take_window(howdah.consumer, howdah.topic, int, timestamptz, timestamptz, boolean, howdah.lane_state) from public;
