-- howdah.window_ids: at most n ids of a range whose arrival time lies in from_time <= received_at < until_time, from its
-- lower or upper end, and not more than 100,000 apart. With a time the ids' bounds come first, through BRIN: walking the
-- primary key to a window far away would read everything before it.
create or replace function howdah.window_ids(t howdah.topic, first bigint, last bigint, bits bit varying,
        from_time timestamptz, until_time timestamptz, newest_first boolean, n int) returns bigint[]
language plpgsql stable set enable_seqscan = off set enable_bitmapscan = on as $$
declare
    within text := coalesce('and received_at >= ' || quote_literal(from_time), '') || coalesce(' and received_at < ' || quote_literal(until_time), '');
    lo     bigint := first;
    hi     bigint := last;
    ids    bigint[];
begin
    if within <> '' then
        execute format('select min(id + 0), max(id + 0) from howdah.topic_%s where id between %s and %s %s', t.number, first, last, within) into lo, hi;
        if lo is null then
            return '{}';
        end if;
    end if;
    execute format('select array(select id::bigint from howdah.topic_%s where id between %s and %s %s %s order by id %s limit %s)',
                   t.number, lo, hi, within, case when bits is null then '' else format('and get_bit($1, (id - %s)::int) = 0', first) end,
                   case when newest_first then 'desc' else 'asc' end, n) into ids using bits;
    return array(select i from unnest(ids) i where abs(i - ids[1]) < 100000 order by i);
end $$;
revoke execute on function howdah.window_ids(howdah.topic, bigint, bigint, bit varying, timestamptz, timestamptz, boolean, int) from public;
