-- howdah.pause and its undoing: a paused consumer is handed nothing; what is open may still be acked.
create or replace function howdah.pause(consumer text, paused boolean default true) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    c howdah.consumer := howdah.lock_consumer(consumer);
begin
    perform howdah.need('SELECT', (select t.source from howdah.topic t where t.number = c.topic));
    if paused is null then
        raise exception 'paused is null' using errcode = 'null_value_not_allowed', hint = 'Use true or false.';
    end if;
    update howdah.consumer x set paused = pause.paused where x.number = c.number and x.paused <> pause.paused;
end $$;
