-- howdah.pick_ids: those of ids that a claim still holds (all that it holds where ids is null). An id that never was in
-- the claim's range is an error.
create or replace function howdah.pick_ids(k howdah.claims, ids bigint[]) returns bigint[]
language plpgsql stable as $$
declare
    t     howdah.topic;
    every int;
    wrong text;
    got   bigint[];
begin
    select y.* into t from howdah.topic y join howdah.consumer c on c.topic = y.number where c.number = k.consumer;
    select case when c.lanes > 1 then k.lane end into every from howdah.consumer c where c.number = k.consumer;
    if ids is null then
        return howdah.members(t, every, k.first_id, k.last_id, k.bits);
    end if;
    select string_agg(i::text, ', ') into wrong from (select i from unnest(ids) i where i is null or i not between k.first_id and k.last_id limit 10) x;
    if wrong is not null or array_position(ids, null) is not null then
        raise exception 'claim % does not hold id %', k.claim_id, coalesce(wrong, 'null')
            using errcode = 'invalid_parameter_value', hint = format('It holds ids from %s to %s.', k.first_id, k.last_id);
    end if;
    execute format('select array(select id::bigint from howdah.topic_%s where id = any ($1) %s %s order by id)', t.number,
                   case when every is null then '' else 'and partition = ' || every end,
                   case when k.bits is null then '' else format('and get_bit($2, (id - %s)::int) = 0', k.first_id) end)
        into got using ids, k.bits;
    return got;
end $$;
revoke execute on function howdah.pick_ids(howdah.claims, bigint[]) from public;
