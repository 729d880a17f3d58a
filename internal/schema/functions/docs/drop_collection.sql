-- howdah.drop_collection: drops a collection with its documents and their history; the topic of its changes stays.
-- Locks: the catalogue's advisory lock, ACCESS EXCLUSIVE on the collection's table.
create or replace function howdah.drop_collection(collection text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c howdah.collection := howdah.find_collection(collection);
begin
    perform howdah.need_owner('drop collections');
    perform pg_advisory_xact_lock(1213159168, 0);
    execute format('drop function docs.%I(text, timestamptz, interval)', howdah.part_name(c.name, '_as_of'));
    execute format('drop function docs.%I(text, timestamptz, interval, timestamptz)', howdah.part_name(c.name, '_valid_at'));
    execute format('drop view docs_history.%I', c.name);
    execute format('drop table %s', c.source);
    execute format('drop table %s', c.history);
    execute format('drop function howdah_docs.change_%1$s(), howdah_docs.insert_%1$s(), howdah_docs.update_%1$s(), howdah_docs.delete_%1$s(),
        howdah_docs.mend_%1$s(text[]), howdah_docs.put_%1$s(text, jsonb, timestamptz, bigint, timestamptz, timestamptz)', c.number);
    if c.changes is not null then
        execute format('drop function howdah_docs.publish_%1$s()', c.number);
    end if;
    delete from howdah.collection x where x.number = c.number;
    perform howdah.install_dispatch();
end $$;
