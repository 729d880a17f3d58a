-- howdah.rows: the events of a range in the shape that claim returns them, ascending by id. Payloads of a bytes topic come
-- as a JSON string in base64. Index: the primary key, or (partition, id).
create or replace function howdah.rows(t howdah.topic, lane int, first bigint, last bigint, bits bit varying)
returns table (partition int, id bigint, key text, payload json, headers jsonb, event_time timestamptz, received_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
begin
    return query execute format('select partition::int, id::bigint, key, %s, headers, event_time, received_at
                                 from howdah.topic_%s where %s id between %s and %s %s order by %s id',
        case when t.format = 'bytes' then 'to_json(translate(encode(payload, ''base64''), e''\n'', ''''))' else 'payload' end,
        t.number, case when lane is null then '' else 'partition = ' || lane || ' and' end, first, last,
        case when bits is null then '' else format('and get_bit($1, (id - %s)::int) = 0', first) end,
        case when lane is null then '' else 'partition,' end) using bits;
end $$;
revoke execute on function howdah.rows(howdah.topic, int, bigint, bigint, bit varying) from public;
