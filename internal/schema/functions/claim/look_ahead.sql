-- howdah.look_ahead: the batch of at most n events that a claim from head may take: batch is what howdah.scan_<number> says about the
-- rows up to bound: the stable id or, where that comes first, the end of head's segment.
create or replace function howdah.look_ahead(t howdah.topic, every int, head bigint, stable bigint, n int, out bound bigint, out batch bigint[])
language plpgsql stable as $$
declare
    x record;
begin
    bound := stable;
    if t.retention is not null then
        select g.first_id, g.until_id into x from howdah.segment g
            where g.topic = t.number and g.until_id > head and g.emptied_at is null order by g.first_id limit 1;
        -- Below the segment there may be emptied ones, and events that came without upkeep, in the DEFAULT partition.
        bound := least(bound, case when x.first_id > head then x.first_id else x.until_id end - 1);
    end if;
    execute format('select howdah.scan_%s($1, $2, $3, $4)', t.number) into batch using every, head, bound, n;
end $$;
revoke execute on function howdah.look_ahead(howdah.topic, int, bigint, bigint, int) from public;
