-- howdah.describe_topic: what a client needs to know of a topic to produce or read. number is what notifications carry.
create or replace function howdah.describe_topic(topic text, out number int, out source text, out partitions int, out format text, out adopted boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t howdah.topic := howdah.find_topic(topic);
begin
    number := t.number; source := t.source::text; partitions := t.partitions; format := t.format; adopted := t.adopted;
end $$;
