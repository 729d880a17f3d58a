-- howdah.install_scan: generates howdah.scan_<number>(lane, first, bound, n): the batch that a claim may take, found by
-- reading at most n rows from first to bound (of one lane, or of all where lane is null), as an array: how many events,
-- the first id, the last id, the bytes of payload, and 1 where more rows up to bound did not fit: a batch has at most 4 MiB
-- of payload (at least one event) and at most 100,000 ids from its first to its last.
-- Uses the primary key, or (partition, id) for a lane. The settings keep a plan that was made on an empty table from
-- being a scan later, and from being made anew at every call, which costs more than reading 100 rows. A topic in segments
-- is read with constants, so that the planner prunes: a generic plan would lock every segment. The arguments are written as
-- $1 to $4, because a topic or a column of somebody's table may have any name.
create or replace function howdah.install_scan(t howdah.topic) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    id    text := quote_ident(t.id_column);
    -- a stored value that is not compressed need not be turned into text to know its size
    size  text := format('case when pg_column_compression(%1$I) is null then pg_column_size(%1$I) else octet_length(%1$I%2$s) end',
                         t.payload_column, case when t.format = 'bytes' then '' else '::text' end);
    -- %1$s: the condition on the lane, %2$s to %4$s: first, bound and n
    rows  text := format('select %s as id, %s as size from %s where %%1$s %s >= %%2$s and %s <= %%3$s order by %%5$s %s limit %%4$s',
                         id, size, howdah.own_rows(t.source), id, id, id);
    batch text := 'select array[count(*), min(x.id), max(x.id), sum(x.size)] from (' || rows || ') x';
    fit   text := 'select array[count(*), min(y.id), max(y.id), max(y.size), 1]
                   from (select x.id, sum(x.size) over (order by x.id) as size, row_number() over (order by x.id) as nr from (' || rows || ') x) y
                   where y.nr = 1 or y.size <= 4194304';
    every text := '';                                       -- the statements that fill found
begin
    if t.retention is null then
        every := format(batch, '', '$2', '$3', '$4', '') || ' into found;';
        if t.partitions > 1 then
            every := format('if $1 is null then %s else %s into found; end if;', every,
                            format(batch, 'partition = $1 and', '$2', '$3', '$4', 'partition,'));
        end if;
    else
        every := format('execute format(%L, case when $1 is null then '''' else format(''partition = %%s and'', $1) end,
                                        $2, $3, $4, case when $1 is null then '''' else ''partition,'' end) into found;', batch);
    end if;
    if (select prorettype <> 'bigint[]'::regtype from pg_proc where oid = to_regprocedure(format('howdah.scan_%s(int, bigint, bigint, int)', t.number))) then
        execute format('drop function howdah.scan_%s', t.number);   -- of an earlier version
    end if;
    execute format($f$
        create or replace function howdah.scan_%1$s(lane int, first bigint, bound bigint, n int) returns bigint[]
        language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
        set enable_seqscan = off set enable_sort = off set enable_bitmapscan = off as $q$
        #variable_conflict use_column
        declare
            found bigint[];
        begin
            %2$s
            if found[4] > 4194304 or found[3] - found[2] >= 100000 then
                execute format(%3$L, case when $1 is null then '' else format('partition = %%s and', $1) end,
                               found[2], least(found[3], found[2] + 99999), $4, '') into found;
            end if;
            return found;
        end $q$;
        revoke execute on function howdah.scan_%1$s(int, bigint, bigint, int) from public $f$, t.number, every, fit);
end $$;
revoke execute on function howdah.install_scan(howdah.topic) from public;
