-- howdah.consumer_figures: howdah.consumers for somebody who looks every few seconds: of each consumer at most so many queued
-- ranges and dead letters are counted. Reads what howdah.consumer_stats reads.
create or replace function howdah.consumer_figures(most bigint default 10000)
returns table (consumer text, topic text, lag bigint, lag_seconds double precision, waiting bigint, in_flight bigint, pending bigint, dead bigint,
        head bigint, open_claims bigint, ordered boolean, paused boolean, lease interval, max_attempts int, start text, created_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    return query
        select c.name, t.name, s.lag, s.lag_seconds, s.waiting, s.in_flight, s.pending, s.dead, s.head, s.open_claims,
               c.ordered, c.paused, c.lease, c.max_attempts, c.start, c.created_at
        from howdah.consumer c join howdah.topic t on t.number = c.topic, lateral howdah.consumer_stats(c.number, most) s
        where howdah.is_there(t.source) order by t.name, c.name;
end $$;
