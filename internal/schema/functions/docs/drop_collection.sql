-- howdah.drop_collection: drops a collection with its documents and their history; the topic of its changes stays.
-- Locks: the catalogue's advisory lock, ACCESS EXCLUSIVE on the collection's table.
create or replace function howdah.drop_collection(collection text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set client_min_messages = warning as $$ -- what somebody dropped by hand is no news
#variable_conflict use_variable
declare
    c howdah.collection := howdah.find_collection(collection);
    gone regclass;
begin
    perform howdah.need_owner('drop collections');
    perform pg_advisory_xact_lock(1213159168, 0);
    execute format('drop function if exists docs.%I(text, timestamptz, interval)', howdah.part_name(c.name, '_as_of'));
    execute format('drop function if exists docs.%I(text, timestamptz, interval, timestamptz)', howdah.part_name(c.name, '_valid_at'));
    execute format('drop view if exists docs_history.%I', c.name);
    for gone in select x from unnest(array[c.source, c.history]) x where howdah.is_there(x) loop
        execute format('drop table %s', gone);
    end loop;
    execute format('drop function if exists howdah_docs.change_%1$s(), howdah_docs.insert_%1$s(), howdah_docs.update_%1$s(), howdah_docs.delete_%1$s(),
        howdah_docs.mend_%1$s(text[]), howdah_docs.put_%1$s(text, jsonb, timestamptz, bigint, timestamptz, timestamptz)', c.number);
    execute format('drop function if exists howdah_docs.publish_%1$s()', c.number);
    delete from howdah.collection x where x.number = c.number;
    perform howdah.install_dispatch();
end $$;
