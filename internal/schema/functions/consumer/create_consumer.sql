-- howdah.create_consumer: a named subscription to one topic: one row, and one state row for each lane. The same again is
-- no error; another one under the name is. Needs SELECT on the topic's table.
create or replace function howdah.create_consumer(consumer text, topic text, start text default 'earliest',
        lease interval default '30 s', max_attempts int default 5, ordered boolean default false) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    t howdah.topic := howdah.find_topic(topic);
    c howdah.consumer;
    first bigint;
    differs text;
begin
    perform howdah.check_name('consumer', consumer);
    perform howdah.need('SELECT', t.source);
    perform howdah.check_lease(lease, false);
    if max_attempts is null or max_attempts < 1 then
        raise exception 'max_attempts is %, not at least 1', coalesce(max_attempts::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'Use 1 to make every failure a dead letter at once.';
    end if;
    if ordered is null then
        raise exception 'ordered is null' using errcode = 'null_value_not_allowed', hint = 'Use true or false.';
    end if;
    perform pg_advisory_xact_lock(1213159168, 0);
    select * into c from howdah.consumer x where x.name = create_consumer.consumer;
    if c.number is not null then
        differs := concat_ws('; ',
            case when c.topic <> t.number then format('topic is %s, asked %s', (select x.name from howdah.topic x where x.number = c.topic), t.name) end,
            case when c.start is distinct from create_consumer.start then format('start is %s, asked %s', c.start, coalesce(create_consumer.start, 'null')) end,
            case when c.lease <> create_consumer.lease then format('lease is %s, asked %s', c.lease, create_consumer.lease) end,
            case when c.max_attempts <> create_consumer.max_attempts then format('max_attempts is %s, asked %s', c.max_attempts, create_consumer.max_attempts) end,
            case when c.ordered <> create_consumer.ordered then format('ordered is %s, asked %s', c.ordered::text, create_consumer.ordered::text) end);
        if differs <> '' then
            raise exception 'consumer % exists, and differs: %', quote_literal(consumer), differs
                using errcode = 'duplicate_object',
                      hint = 'Use it as it is, move it with howdah.seek, drop it with howdah.drop_consumer, or take another name.';
        end if;
        return;
    end if;
    first := howdah.resolve(t, 'start', start);
    insert into howdah.consumer (name, topic, start, lease, max_attempts, ordered, lanes)
        values (consumer, t.number, start, lease, max_attempts, ordered, case when ordered then t.partitions else 1 end)
        returning * into c;
    perform howdah.write_state(c.number, l, row(first, first - 1, '{}', null, 16, '-infinity', 0)::howdah.lane_state)
        from generate_series(0, c.lanes - 1) l;
end $$;
