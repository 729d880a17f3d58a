-- howdah.fit: those of ids, from the first on, whose payloads together have at most so many bytes; size is what they have.
-- At least one where nothing has been taken yet (taken 0). Index: the primary key.
create or replace function howdah.fit(t howdah.topic, inout ids bigint[], taken bigint, out size bigint)
language plpgsql volatile set enable_seqscan = off as $$
begin
    execute format('select array_agg(id order by nr), coalesce(max(total), 0) from (
                        select x.id, x.nr, sum(octet_length(e.payload%s)) over (order by x.nr) as total
                        from unnest($1) with ordinality x (id, nr) join howdah.topic_%s e on e.id = x.id) y
                    where total + $2 <= 4194304 or nr = 1 and $2 = 0', case when t.format = 'bytes' then '' else '::text' end, t.number)
        into ids, size using ids, taken;
    ids := coalesce(ids, '{}');
end $$;
revoke execute on function howdah.fit(howdah.topic, bigint[], bigint) from public;
