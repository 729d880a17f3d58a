-- howdah.numbered_topic: the topic of that number, where the caller may read it, or an error. Reads howdah.topic by number.
create or replace function howdah.numbered_topic(topic int) returns howdah.topic
language plpgsql stable as $$
declare
    t howdah.topic;
begin
    select * into t from howdah.topic y where y.number = numbered_topic.topic;
    if t.number is null then
        raise exception 'there is no topic number %', topic using errcode = 'undefined_object', hint = 'It was dropped.';
    end if;
    perform howdah.need('SELECT', t.source);
    return t;
end $$;
revoke execute on function howdah.numbered_topic(int) from public;
