-- howdah.write_state: a new newest row for a lane: its state and, where first_id is given, a range that somebody skipped.
-- The caller holds the consumer's lock.
create or replace function howdah.write_state(consumer int, lane int, s howdah.lane_state,
        first_id bigint default null, last_id bigint default null, outcome text default null) returns void
language sql volatile as $$
    insert into howdah.claims (claim_id, consumer, lane, first_id, last_id, ended_at, outcome,
                               head, stable, open, next_lease, look_at, floor_at, floor_seq)
    values (howdah.new_claim_id(), consumer, lane, first_id, last_id,
            case when outcome is not null then clock_timestamp() end, outcome,
            s.head, s.stable, s.open, s.next_lease, s.look_at, s.floor_at, s.floor_seq)
$$;
revoke execute on function howdah.write_state(int, int, howdah.lane_state, bigint, bigint, text) from public;
