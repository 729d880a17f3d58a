-- howdah.upkeep: follows tables that were renamed, extends segments, applies retention, folds finished claims away, deletes
-- expired documents, collects remains of objects. The server calls it every few seconds; without it nothing is lost and leases expire all the same, only history and old segments stay.
create or replace function howdah.upkeep() returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    c howdah.consumer;
    t howdah.topic;
begin
    perform howdah.need_owner('do upkeep');
    if not pg_try_advisory_xact_lock(1213159168, 1) then
        return;                                             -- somebody else is at it
    end if;
    perform howdah.collect_objects();                       -- first: what follows takes locks that others wait for
    for t in select * from howdah.topic x where howdah.is_there(x.source) loop
        if howdah.is_renamed(t) then
            perform howdah.install_topic(t.number);
        end if;
        continue when t.retention is null;
        perform howdah.make_segments(t.number);
        perform howdah.drop_segments(t.number);
    end loop;
    for c in select * from howdah.consumer loop
        perform howdah.fold(c, lane) from generate_series(0, c.lanes - 1) lane;
    end loop;
    perform howdah.expire_documents();
end $$;
