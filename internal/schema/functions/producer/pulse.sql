-- howdah.pulse: how far a topic is settled now, and whether a producer is open: what a process with sleeping workers asks for
-- all of them together while producers are at work. The topic by its number. Needs SELECT on the topic.
create or replace function howdah.pulse(topic int, out stable bigint, out marked boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t howdah.topic;
    x record;
begin
    select * into t from howdah.topic y where y.number = topic;
    if t.number is null then
        raise exception 'there is no topic number %', topic using errcode = 'undefined_object', hint = 'It was dropped.';
    end if;
    perform howdah.need('SELECT', t.source);
    x := howdah.stable(t);
    stable := x.stable;
    marked := x.marked;
end $$;
