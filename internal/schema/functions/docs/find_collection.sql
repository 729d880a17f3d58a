-- howdah.find_collection: the collection of that name, or an error that lists what there is. Reads howdah.collection by name.
create or replace function howdah.find_collection(collection text) returns howdah.collection
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    c howdah.collection;
begin
    select * into c from howdah.collection x where x.name = find_collection.collection;
    if c.number is null then
        raise exception 'unknown collection %', coalesce(quote_literal(collection), 'null')
            using errcode = 'undefined_object',
                  hint = coalesce('There are: ' || (select string_agg(x.name, ', ' order by x.name)
                                                    from (select name from howdah.collection order by name limit 50) x) || '.',
                                  'There are no collections yet; create one with howdah.create_collection.');
    end if;
    return c;
end $$;
revoke execute on function howdah.find_collection(text) from public;
