-- howdah.publish: one event into a topic, in the caller's transaction; returns its id. Needs INSERT on the topic's table.
-- It runs as the owner so that a producer without SELECT gets the id too.
create or replace function howdah.publish(topic text, payload json, key text default null,
        event_time timestamptz default null, headers jsonb default null) returns bigint
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    t  howdah.topic := howdah.find_topic(topic);
    id bigint;
begin
    perform howdah.need('INSERT', t.source);
    if payload is null then
        raise exception 'payload is null'
            using errcode = 'null_value_not_allowed', hint = 'Publish a JSON value; JSON''s own null is ''null''.';
    end if;
    if jsonb_typeof(headers) not in ('object', 'null') then
        raise exception 'headers is a JSON %, not an object', jsonb_typeof(headers)
            using errcode = 'invalid_parameter_value', hint = 'Publish headers such as {"trace": "42"}, or leave them out (null).';
    end if;
    if t.adopted or t.format <> 'json' then
        raise exception 'howdah.publish takes events of json topics that Howdah made; % is %', quote_literal(topic),
                case when t.adopted then 'adopted' else 'a bytes topic' end
            using errcode = 'feature_not_supported', hint = format('INSERT INTO %s directly.', t.source);
    end if;
    execute format('insert into %s (key, payload, headers, event_time) values ($1, $2, $3, coalesce($4, now())) returning id', t.source)
        into id using key, payload, nullif(headers, 'null'), event_time;
    return id;
end $$;
