-- howdah.alter_topic: changes what may change of a topic. Null leaves a value as it is. retention can only be changed where the
-- topic was created with one; max_bytes is its hard limit; idle_timeout ends producers that sit idle in a transaction.
create or replace function howdah.alter_topic(topic text, retention interval default null, max_bytes bigint default null,
        idle_timeout interval default null) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t howdah.topic := howdah.find_topic(topic);
begin
    perform howdah.need_owner('alter topics');
    if (retention is not null or max_bytes is not null) and t.retention is null then
        raise exception 'topic % keeps its events for ever', quote_literal(topic)
            using errcode = 'feature_not_supported', hint = 'Only a topic that was created with a retention can have one changed: create a new topic.';
    elsif retention <= interval '0' then
        raise exception 'retention is %, not positive', retention
            using errcode = 'invalid_parameter_value', hint = 'Leave it out (null) to keep it as it is.';
    elsif max_bytes <= 0 then
        raise exception 'max_bytes is %, not positive', max_bytes
            using errcode = 'invalid_parameter_value', hint = 'Leave it out (null) to keep it as it is.';
    elsif idle_timeout < interval '1 s' then
        raise exception 'idle_timeout is %, less than 1 s', idle_timeout
            using errcode = 'invalid_parameter_value', hint = 'Producers need time between two statements: 5 minutes is usual.';
    end if;
    update howdah.topic x set retention = coalesce(alter_topic.retention, x.retention), max_bytes = coalesce(alter_topic.max_bytes, x.max_bytes),
        idle_timeout = coalesce(alter_topic.idle_timeout, x.idle_timeout) where x.number = t.number;
    perform howdah.install_topic(t.number);
end $$;
