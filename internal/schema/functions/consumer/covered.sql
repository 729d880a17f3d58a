-- howdah.covered: a range less the ids whose bit is 1, as ranges.
create or replace function howdah.covered(first bigint, last bigint, bits bit varying) returns int8multirange
language sql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
    select case when bits is null then int8multirange(int8range(first, last, '[]'))
           else coalesce((select range_agg(int8range(lo, hi, '[]')) from (
                select min(id) as lo, max(id) as hi from (
                    select id, id - row_number() over (order by id) as run
                    from generate_series(first, last) id where get_bit(bits, (id - first)::int) = 0) x
                group by run) y), '{}') end
$$;
