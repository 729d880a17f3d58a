-- howdah.rows_query: the query for the events of a range in the shape that claim returns them, ascending by id. Its parameters
-- are the claim's id, the range's bits and the attempt. Payloads of a bytes topic come as a JSON string in base64.
-- Index: the primary key, or (partition, id).
create or replace function howdah.rows_query(t howdah.topic, lane int, first bigint, last bigint, bits bit varying) returns text
language plpgsql immutable as $$
begin
    return format('select $1, partition::int, id::bigint, key, %s as payload, headers, event_time, received_at, $3
                   from howdah.topic_%s where %s id between %s and %s %s order by %s id',
        case when t.format = 'bytes' then 'to_json(translate(encode(payload, ''base64''), e''\n'', ''''))' else 'payload' end,
        t.number, case when lane is null then '' else 'partition = ' || lane || ' and' end, first, last,
        case when bits is null then '' else format('and get_bit($2, (id - %s)::int) = 0', first) end,
        case when lane is null then '' else 'partition,' end);
end $$;
revoke execute on function howdah.rows_query(howdah.topic, int, bigint, bigint, bit varying) from public;
