-- howdah.partition_at: the partition of an event, for views.
create or replace function howdah.partition_at(topic int, id bigint) returns int
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    n int;
begin
    if (select x.partitions from howdah.topic x where x.number = partition_at.topic) = 1 then
        return 0;
    end if;
    execute format('select partition from howdah.topic_%s where id = $1', topic) into n using id;
    return n;
end $$;
