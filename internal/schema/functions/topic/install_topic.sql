-- howdah.install_topic: makes what is generated for one topic, under its number: the view that gives every topic one
-- shape, the function that finds a batch, the mark and the guards. Again is harmless; an upgrade does it for all.
-- Locks: SHARE ROW EXCLUSIVE on the topic's table for the triggers, if they are missing: waits for producers in flight.
create or replace function howdah.install_topic(number int) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    t      howdah.topic;
    has    jsonb;
    view   text;
begin
    select * into strict t from howdah.topic x where x.number = install_topic.number;
    select jsonb_object_agg(attname, format_type(atttypid, atttypmod)) into has
        from pg_attribute where attrelid = t.source and attnum > 0 and not attisdropped;

    -- One shape: id keeps its own type, so that conditions on it use the index.
    view := format('create or replace view howdah.topic_%s as select %I as id, %s as key, %s as payload, %s as headers,
            %s as event_time, %s as received_at, %s as partition from %s',
        t.number, t.id_column,
        case when not t.adopted then 'key' else 'null::text' end,
        case when t.adopted and has ->> t.payload_column not in ('json', 'bytea') then format('%I::text::json', t.payload_column)
             else quote_ident(t.payload_column) end,
        case when not t.adopted then 'headers' else 'null::jsonb' end,
        case when t.event_time_column is null then 'null::timestamptz'
             when t.event_time_zone is not null then format('(%I at time zone %L)', t.event_time_column, t.event_time_zone)
             else format('%I::timestamptz', t.event_time_column) end,
        case when t.window_column is null then 'null::timestamptz' else quote_ident(t.window_column) end,
        case when t.partitions > 1 then 'partition' else '0::smallint' end, howdah.own_rows(t.source));
    -- Replacing it waits for everybody who reads in an open transaction, so only where it has to be; the comment tells.
    if obj_description(to_regclass('howdah.topic_' || t.number), 'pg_class') is distinct from md5(view) then
        execute view;
        execute format('revoke all on howdah.topic_%1$s from public; comment on view howdah.topic_%1$s is %2$L', t.number, md5(view));
    end if;

    perform howdah.install_scan(t);
    perform howdah.install_mark(t);
end $$;
revoke execute on function howdah.install_topic(int) from public;
