-- howdah.install_scan: generates howdah.scan_<number>(lane, first, bound, n): the batch that a claim may take, found by
-- reading at most n rows from first to bound (of one lane, or of all where lane is null). A batch has at most 4 MiB of
-- payload (at least one event) and at most 100,000 ids from its first to its last.
-- Uses the primary key, or (partition, id) for a lane; the settings keep a plan that was made on an empty table from
-- being a scan later. A topic in segments is read with constants, so that the planner prunes: a generic plan would lock
-- every segment.
create or replace function howdah.install_scan(t howdah.topic) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    found text := format('select id, octet_length(payload%s) as size from howdah.topic_%s where %%s id >= $1 and id <= $2 order by %%s id limit $3',
                         case when t.format = 'bytes' then '' else '::text' end, t.number);
    every text := format(found, '', '');
    lane  text := format(found, 'partition = $4 and', 'partition,');
    total text := 'select count(*), min(id), max(id), sum(x.size) from (%s) x';
    pick  text;
begin
    pick := case
        when t.retention is not null then
            'execute format(%1$L, first, bound, n, scan_%3$s.lane) into events, first_id, last_id, size;'
        when t.partitions > 1 then
            'if scan_%3$s.lane is null then %4$s into events, first_id, last_id, size;
             else %5$s into events, first_id, last_id, size; end if;'
        else '%4$s into events, first_id, last_id, size;' end;
    if t.retention is not null then
        -- $1 becomes %1$s for format()
        every := regexp_replace(every, '\$(\d)', '%\1$s', 'g');
        lane := regexp_replace(lane, '\$(\d)', '%\1$s', 'g');
        pick := case when t.partitions > 1
                then format('if scan_%s.lane is null then %s else %s end if;', t.number,
                            format(pick, format(total, every), null, t.number), format(pick, format(total, lane), null, t.number))
                else format(pick, format(total, every), null, t.number) end;
    else
        every := replace(replace(replace(every, '$1', 'first'), '$2', 'bound'), '$3', 'n');
        lane := replace(replace(replace(replace(lane, '$1', 'first'), '$2', 'bound'), '$3', 'n'), '$4', format('scan_%s.lane', t.number));
        pick := format(pick, null, null, t.number, format(total, every), format(total, lane));
    end if;
    execute format($f$
        create or replace function howdah.scan_%1$s(lane int, first bigint, bound bigint, n int,
                out events int, out first_id bigint, out last_id bigint)
        language plpgsql stable set search_path = pg_catalog, pg_temp
        set enable_seqscan = off set enable_sort = off set enable_bitmapscan = off as $q$
        declare
            size bigint;
        begin
            %2$s
            if size > 4194304 or last_id - first_id >= 100000 then
                execute format(%3$L, first_id, last_id, n, coalesce(scan_%1$s.lane, -1)) into events, last_id;
            end if;
        end $q$ $f$, t.number, pick,
        format('select count(*), max(id) from (
                    select id, sum(size) over (order by id) as size, row_number() over (order by id) as nr
                    from (select id, octet_length(payload%s) as size from howdah.topic_%s
                          where (%%4$s = -1 or partition = %%4$s) and id >= %%1$s and id <= least(%%2$s, %%1$s + 99999)
                          order by id limit %%3$s) x) y
                where nr = 1 or size <= 4194304', case when t.format = 'bytes' then '' else '::text' end, t.number));
    execute format('revoke execute on function howdah.scan_%s(int, bigint, bigint, int) from public', t.number);
end $$;
revoke execute on function howdah.install_scan(howdah.topic) from public;
