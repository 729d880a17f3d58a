-- howdah.pending_page: the first n ranges of a consumer that are to be delivered again, with the error of the last attempt: those
-- in the queue by their place, after those that a worker has just handed back. Index: pending_queue, pending_nacked. Needs
-- SELECT on the topic's table.
create or replace function howdah.pending_page(consumer text, n int default 50)
returns table (lane int, first_id bigint, last_id bigint, events bigint, attempts int, due timestamptz, error text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off as $$
#variable_conflict use_variable
declare
    c howdah.consumer := howdah.find_consumer(consumer);
    s howdah.lane_state;
    l int;
begin
    perform howdah.need('SELECT', (select t.source from howdah.topic t where t.number = c.topic));
    if n is null or n not between 1 and 1000 then
        raise exception 'n is %, not between 1 and 1,000', coalesce(n::text, 'null') using errcode = 'invalid_parameter_value', hint = 'Leave it out for 50.';
    end if;
    for l in 0..c.lanes - 1 loop
        s := howdah.lane_of(c.number, l);
        return query
            select p.lane, p.first_id, p.last_id, p.events, p.attempts, p.due, p.error from howdah.pending p
                where p.claim_id = any (s.open) and p.queue_at is null limit n;
        return query
            select p.lane, p.first_id, p.last_id, p.events, p.attempts, p.due, p.error from howdah.pending p
                where p.consumer = c.number and p.lane = l and p.queue_at is not null order by p.queue_at, p.seq limit n;
    end loop;
end $$;
