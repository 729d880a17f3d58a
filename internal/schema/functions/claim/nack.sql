-- howdah.nack: the claim's events (or those named) failed: they are delivered again after retry_in (or a back-off that
-- doubles), or become dead letters at the consumer's max_attempts. Returns how many. The rest of the claim is untouched.
create or replace function howdah.nack(claim_id bigint, ids bigint[] default null, error text default null,
        retry_in interval default null) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    k  howdah.claims := howdah.held_claim(claim_id, 'nack');
    c  howdah.consumer;
    at timestamptz := clock_timestamp();
begin
    if retry_in < interval '0' or retry_in > interval '365 days' then
        raise exception 'retry_in is %, not between 0 and 365 days', retry_in
            using errcode = 'invalid_parameter_value', hint = 'Leave it out for a back-off that doubles with each attempt.';
    end if;
    select * into c from howdah.consumer x where x.number = k.consumer;
    ids := howdah.pick_ids(k, ids);
    if cardinality(ids) > 0 then
        if k.attempts + 1 >= c.max_attempts then
            insert into howdah.dead select c.number, i, k.lane, k.attempts + 1, error, at from unnest(ids) i
                on conflict on constraint dead_pkey do update set attempts = excluded.attempts, error = excluded.error, failed_at = excluded.failed_at;
        else
            insert into howdah.pending (consumer, lane, claim_id, due, first_id, last_id, bits, events, attempts, error)
            values (c.number, k.lane, k.claim_id, at + coalesce(retry_in, howdah.backoff(k.attempts + 1)), ids[1], ids[cardinality(ids)],
                    case when cardinality(ids) < ids[cardinality(ids)] - ids[1] + 1 then howdah.bits_of(ids, ids[1], ids[cardinality(ids)]) end,
                    cardinality(ids), k.attempts + 1, error);
        end if;
    end if;
    perform howdah.settle(k, ids, 'nacked');
    return cardinality(ids);
end $$;
