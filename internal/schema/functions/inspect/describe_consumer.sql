-- howdah.describe_consumer: what a client needs to know of a consumer to work for it.
create or replace function howdah.describe_consumer(consumer text, out topic text, out lease interval, out max_attempts int, out ordered boolean, out paused boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c howdah.consumer := howdah.find_consumer(consumer);
begin
    select t.name into topic from howdah.topic t where t.number = c.topic;
    lease := c.lease; max_attempts := c.max_attempts; ordered := c.ordered; paused := c.paused;
end $$;
