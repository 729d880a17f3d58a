-- howdah.put_back: queues what a window left out of a range first..last (all rows of it but taken), in at most three
-- pieces, where they hold rows, at its place in the queue. It was never handed out, so it counts no attempt.
create or replace function howdah.put_back(c howdah.consumer, t howdah.topic, s howdah.lane_state, at timestamptz, first bigint, last bigint,
        bits bit varying, taken bigint[], attempts int, batch_limit int) returns void
language plpgsql volatile as $$
declare
    lo   bigint := (select min(i) from unnest(taken) i);
    hi   bigint := (select max(i) from unnest(taken) i);
    left_out bigint[];
begin
    if lo > first and cardinality(howdah.members(t, null, first, lo - 1, substring(bits from 1 for (lo - first)::int), 1)) > 0 then
        perform howdah.queue(c.number, 0, s, at, first, lo - 1, substring(bits from 1 for (lo - first)::int),
                             lo - first, attempts, batch_limit);
    end if;
    left_out := array(select m from unnest(howdah.members(t, null, lo, hi,
                          substring(bits from (lo - first + 1)::int for (hi - lo + 1)::int))) m where m <> all (taken));
    if cardinality(left_out) > 0 then
        perform howdah.queue(c.number, 0, s, at, left_out[1], left_out[cardinality(left_out)],
                             howdah.bits_of(left_out, left_out[1], left_out[cardinality(left_out)]), cardinality(left_out), attempts, batch_limit);
    end if;
    if hi < last and cardinality(howdah.members(t, null, hi + 1, last, substring(bits from (hi - first + 2)::int), 1)) > 0 then
        perform howdah.queue(c.number, 0, s, at, hi + 1, last, substring(bits from (hi - first + 2)::int),
                             last - hi, attempts, batch_limit);
    end if;
end $$;
revoke execute on function howdah.put_back(howdah.consumer, howdah.topic, howdah.lane_state, timestamptz, bigint, bigint, bit varying, bigint[], int, int) from public;
