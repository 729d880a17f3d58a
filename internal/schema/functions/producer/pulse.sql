-- howdah.pulse: how far a topic is settled now, and whether a producer is open, for clients that follow a topic by themselves
-- (howdah.reserve_next claims in the same look). The topic by its number. Needs SELECT on the topic.
create or replace function howdah.pulse(topic int, out stable bigint, out marked boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t howdah.topic := howdah.numbered_topic(topic);
    x record;
begin
    x := howdah.stable(t);
    stable := x.stable;
    marked := x.marked;
end $$;
