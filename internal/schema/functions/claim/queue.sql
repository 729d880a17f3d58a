-- howdah.queue: puts a range of a lane into the queue of what is to be delivered again, above the lane's floor, so that no
-- claimer passes it. The caller holds the consumer's lock.
create or replace function howdah.queue(consumer int, lane int, s howdah.lane_state, due timestamptz, first_id bigint, last_id bigint,
        bits bit varying, events bigint, attempts int, batch_limit int default null, error text default null) returns void
language sql volatile as $$
    insert into howdah.pending (consumer, lane, queue_at, due, first_id, last_id, bits, events, attempts, batch_limit, error)
    values (consumer, lane, greatest(due, s.floor_at + interval '1 microsecond'), due, first_id, last_id, bits, events, attempts, batch_limit, error)
$$;
revoke execute on function howdah.queue(int, int, howdah.lane_state, timestamptz, bigint, bigint, bit varying, bigint, int, int, text) from public;
