-- howdah.backoff: how long to wait before attempt number attempts + 1: 1 s doubled with each attempt, at most 10 minutes,
-- times a random factor from 0.75 to 1.25 so that what failed together does not come back together.
create or replace function howdah.backoff(attempts int) returns interval
language sql volatile as $$
    select pg_catalog.make_interval(secs => least(600, power(2, least(attempts, 20) - 1)) * (0.75 + pg_catalog.random() / 2))
$$;
