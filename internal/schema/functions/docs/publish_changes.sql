-- howdah.publish_changes: from now on every change of a collection is also an event of that topic, in the same transaction; null ends
-- it. A topic that is missing is made. The event's key is the document's, its event_time valid_from, its payload
-- {"collection", "op": "put" or "delete", "key", "version", "valid_from", "known_at", "expires_at", "doc"}.
-- A version that became known late is followed by the newest one again, so that the last event of a key is what it is now.
-- Locks: the catalogue's advisory lock, SHARE ROW EXCLUSIVE on the collection's history.
create or replace function howdah.publish_changes(collection text, topic text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c howdah.collection := howdah.find_collection(collection);
    t howdah.topic;
begin
    perform howdah.need_owner('publish the changes of a collection');
    perform pg_advisory_xact_lock(1213159168, 0);
    if c.changes is not null then
        execute format('drop trigger howdah_changes on %s', c.history);
    end if;
    if topic is null then
        update howdah.collection x set changes = null where x.number = c.number;
        return;
    end if;
    if not exists (select from howdah.topic x where x.name = topic) then
        perform howdah.create_topic(topic);
    end if;
    t := howdah.find_topic(topic);
    if t.adopted or t.format <> 'json' then
        raise exception 'topic % is %', quote_literal(topic), case when t.adopted then 'adopted' else 'of bytes' end
            using errcode = 'feature_not_supported', hint = 'Name a json topic that Howdah made, or one that does not exist yet.';
    end if;
    update howdah.collection x set changes = t.number where x.number = c.number;
    execute format($f$
        create or replace function howdah_docs.publish_%1$s() returns trigger language plpgsql security definer
        set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $q$
        begin
            insert into %2$s (key, payload, event_time)
                select n.key, json_build_object('collection', %3$L::text, 'op', case when n.doc is null then 'delete' else 'put' end, 'key', n.key,
                           'version', n.version, 'valid_from', n.valid_from, 'known_at', n.known_at, 'expires_at', n.expires_at, 'doc', n.doc),
                       n.valid_from
                from new_rows n order by n.known_at, n.version, n.valid_from;
            return null;
        end $q$;
        revoke execute on function howdah_docs.publish_%1$s() from public;
        create trigger howdah_changes after insert on %4$s referencing new table as new_rows
            for each statement execute function howdah_docs.publish_%1$s() $f$, c.number, t.source, c.name, c.history);
end $$;
