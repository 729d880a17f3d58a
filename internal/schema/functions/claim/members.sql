-- howdah.members: the ids, ascending and at most n, that a range of a lane holds: its rows, less those whose bit is 1.
-- lane null: all rows of the topic. Index: the primary key, or (partition, id).
create or replace function howdah.members(t howdah.topic, lane int, first bigint, last bigint, bits bit varying, n bigint default null)
returns bigint[]
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    ids bigint[];
begin
    execute format('select array(select id::bigint from howdah.topic_%s where %s id between %s and %s %s order by %s id limit $2)',
                   t.number, case when lane is null then '' else 'partition = ' || lane || ' and' end, first, last,
                   case when bits is null then '' else format('and get_bit($1, (id - %s)::int) = 0', first) end,
                   case when lane is null then '' else 'partition,' end)
        into ids using bits, n;
    return ids;
end $$;
revoke execute on function howdah.members(howdah.topic, int, bigint, bigint, bit varying, bigint) from public;
