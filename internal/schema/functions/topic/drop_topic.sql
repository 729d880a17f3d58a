-- howdah.drop_topic: drops the topic and its events; an adopted table stays and only loses Howdah's triggers.
-- Refused while consumers exist, or collections that publish their changes to it.
-- Locks: the catalogue's advisory lock, ACCESS EXCLUSIVE on the topic's table.
create or replace function howdah.drop_topic(topic text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set client_min_messages = warning as $$ -- what somebody dropped by hand is no news
#variable_conflict use_column
declare
    t howdah.topic := howdah.find_topic(topic);
    who text;
begin
    perform howdah.need_owner('drop topics');
    perform pg_advisory_xact_lock(1213159168, 0);
    select string_agg(c.name, ', ' order by c.name) into who from howdah.consumer c where c.topic = t.number;
    if who is not null then
        raise exception 'topic % still has consumers: %', quote_literal(topic), who
            using errcode = 'dependent_objects_still_exist', hint = 'Drop them first with howdah.drop_consumer.';
    end if;
    select string_agg(c.name, ', ' order by c.name) into who from howdah.collection c where c.changes = t.number;
    if who is not null then
        raise exception 'topic % takes the changes of: %', quote_literal(topic), who
            using errcode = 'dependent_objects_still_exist', hint = 'End that first with howdah.publish_changes(collection, null).';
    end if;
    execute format('drop view if exists howdah.topic_%s', t.number);
    if howdah.is_there(t.source) then
        execute format(case when t.adopted then 'drop trigger howdah_mark on %1$s; drop trigger howdah_guard on %1$s; drop trigger howdah_truncate on %1$s'
                            else 'drop table %1$s' end, t.source);
    end if;
    execute format('drop function howdah.take_mark_%1$s(), howdah.scan_%1$s(int, bigint, bigint, int)', t.number);
    delete from howdah.segment where topic = t.number;
    delete from howdah.topic where number = t.number;
end $$;
