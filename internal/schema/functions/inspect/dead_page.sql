-- howdah.dead_page: at most n dead letters of a consumer with their payloads, beyond an id (null: from the end), ascending or the
-- newest id first. Index: the primary key of howdah.dead, and the topic's. Needs SELECT on the topic's table.
create or replace function howdah.dead_page(consumer text, beyond bigint default null, n int default 100, newest_first boolean default false)
returns table (id bigint, partition int, attempts int, error text, failed_at timestamptz, payload json)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_sort = off set enable_bitmapscan = off as $$
#variable_conflict use_variable
declare
    c howdah.consumer := howdah.find_consumer(consumer);
    t howdah.topic;
begin
    select * into t from howdah.topic x where x.number = c.topic;
    perform howdah.need('SELECT', t.source);
    if n is null or n not between 1 and 10000 then
        raise exception 'n is %, not between 1 and 10,000', coalesce(n::text, 'null') using errcode = 'invalid_parameter_value',
            hint = 'Take the next page with the last id of this one.';
    end if;
    return query execute format('select d.id, howdah.partition_at(%1$s, d.id), d.attempts, d.error, d.failed_at, howdah.payload_of(%1$s, d.id)
            from (select * from howdah.dead d where d.consumer = $1 and d.id %2$s $2 order by d.id %3$s limit $3) d order by d.id %3$s',
            t.number, case when newest_first then '<' else '>' end, case when newest_first then 'desc' else 'asc' end)
        using c.number, coalesce(beyond, case when newest_first then 9223372036854775807 else -9223372036854775808 end), n;
end $$;
