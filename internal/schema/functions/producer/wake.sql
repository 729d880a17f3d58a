-- howdah.wake: a worker of the topic sleeps; tell it at commit. Not where two-phase commit is possible, because a
-- transaction that has notified cannot be prepared: there workers poll.
create or replace function howdah.wake(topic int) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    if current_setting('max_prepared_transactions') = '0' then
        perform pg_notify('howdah', topic::text);
    end if;
end $$;
