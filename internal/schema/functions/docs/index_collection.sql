-- howdah.index_collection: makes the index that howdah.find uses, unless it is there. It costs every later change a part of its speed.
-- Locks: SHARE on the collection's table while it is built, which holds changes back. `howdah docs index` builds it without that, by
-- create index concurrently on the columns and with the name that are given here.
create or replace function howdah.index_collection(collection text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    c howdah.collection := howdah.find_collection(collection);
begin
    perform howdah.need_owner('make indexes');
    if not howdah.has_find_index(c.name) then
        execute format('create index if not exists %I on %s using gin (doc jsonb_path_ops)', howdah.part_name(c.name, ' find'), c.source);
    end if;
end $$;
