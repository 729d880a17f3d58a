-- howdah.end_open: ends the open claims of a lane; their acks fail from now on. A claim row that a worker has locked (its ack
-- is not committed) is waited for, at most 1 s. The caller holds the consumer's lock.
create or replace function howdah.end_open(c howdah.consumer, s howdah.lane_state, outcome text) returns void
language plpgsql volatile as $$
declare
    patience text := current_setting('lock_timeout');
begin
    perform set_config('lock_timeout', '1s', true);
    update howdah.claims k set ended_at = clock_timestamp(), outcome = end_open.outcome
        where k.claim_id = any (s.open) and k.ended_at is null;
    perform set_config('lock_timeout', patience, true);
exception when lock_not_available then
    raise exception 'a worker of consumer % is about to commit an ack', quote_literal(c.name)
        using errcode = 'lock_not_available', hint = 'Try again in a moment, or end its transaction (howdah.consumers and pg_stat_activity show it).';
end $$;
revoke execute on function howdah.end_open(howdah.consumer, howdah.lane_state, text) from public;
