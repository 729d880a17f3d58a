-- howdah.read_query: the query with which a client reads the rows of a reservation under its own rights: parameters first id, last
-- id, bits, lane; of_lane and with_bits say which of the last two it uses. Columns: id, key, payload, headers, event_time,
-- received_at, partition.
create or replace function howdah.read_query(topic text, of_lane boolean, with_bits boolean) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    t howdah.topic := howdah.find_topic(topic);
begin
    return format('select id::bigint, key, payload, headers, event_time, received_at, partition::int from (%s) e where %s id >= $1 and id <= $2 %s order by %s id',
                  rtrim(pg_get_viewdef(format('howdah.topic_%s', t.number)::regclass), ';'),
                  case when of_lane then 'partition = ' || case when with_bits then '$4' else '$3' end || '::int and' else '' end,
                  case when with_bits then 'and pg_catalog.get_bit($3::bit varying, (id - $1)::int) = 0' else '' end,
                  case when of_lane then 'partition,' else '' end);
end $$;
