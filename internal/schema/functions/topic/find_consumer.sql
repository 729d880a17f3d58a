-- howdah.find_consumer: the consumer of that name, or an error that lists what there is. Reads howdah.consumer by name.
create or replace function howdah.find_consumer(consumer text) returns howdah.consumer
language plpgsql stable as $$
declare
    c howdah.consumer;
begin
    select * into c from howdah.consumer x where x.name = find_consumer.consumer;
    if c.number is null then
        raise exception 'unknown consumer %', coalesce(quote_literal(consumer), 'null')
            using errcode = 'undefined_object',
                  hint = coalesce('There are: ' || (select string_agg(x.name, ', ' order by x.name)
                                                    from (select name from howdah.consumer order by name limit 50) x) || '.',
                                  'There are no consumers yet; create one with howdah.create_consumer.');
    end if;
    return c;
end $$;
revoke execute on function howdah.find_consumer(text) from public;
