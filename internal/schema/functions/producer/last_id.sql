-- howdah.last_id: the id that this session drew last for a topic: that of the last row of its INSERT or COPY. Needs INSERT.
create or replace function howdah.last_id(topic text) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    t howdah.topic := howdah.find_topic(topic);
begin
    perform howdah.need('INSERT', t.source);
    return currval(t.sequence);
end $$;
