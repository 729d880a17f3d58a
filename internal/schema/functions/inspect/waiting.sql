-- howdah.waiting: how many events of a topic lie from an id up to last_id: counted up to 1,000, beyond that the distance of
-- ids without what closed segments left out, or its share for one of many partitions.
create or replace function howdah.waiting(t howdah.topic, every int, from_id bigint, last_id bigint) returns bigint
language plpgsql stable set enable_seqscan = off as $$
declare
    n bigint;
begin
    if last_id < from_id then
        return 0;
    end if;
    execute format('select count(*) from (select from howdah.topic_%s where %s id between %s and %s limit 1001) x', t.number,
                   case when every is null then '' else 'partition = ' || every || ' and' end, from_id, last_id) into n;
    if n <= 1000 then
        return n;
    end if;
    return greatest(n, (last_id - from_id + 1 - coalesce((
        select sum(greatest(0, least(g.until_id - 1, waiting.last_id) - greatest(g.last_id, from_id - 1))) from howdah.segment g
        where g.topic = t.number and g.last_id is not null and g.until_id > from_id), 0)) / case when every is null then 1 else t.partitions end);
end $$;
revoke execute on function howdah.waiting(howdah.topic, int, bigint, bigint) from public;
