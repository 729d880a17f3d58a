-- howdah.find_topic: the topic of that name, or an error that lists what there is. Reads howdah.topic by name.
create or replace function howdah.find_topic(topic text) returns howdah.topic
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    t howdah.topic;
begin
    select * into t from howdah.topic x where x.name = find_topic.topic;
    if t.number is null then
        raise exception 'unknown topic %', coalesce(quote_literal(topic), 'null')
            using errcode = 'undefined_object',
                  hint = coalesce('There are: ' || (select string_agg(x.name, ', ' order by x.name)
                                                    from (select name from howdah.topic order by name limit 50) x) || '.',
                                  'There are no topics yet; create one with howdah.create_topic.');
    end if;
    return t;
end $$;
revoke execute on function howdah.find_topic(text) from public;
