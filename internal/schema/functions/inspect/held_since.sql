-- howdah.held_since: since when at least a producer whose age is not known has held a topic back: the arrival of the first event that
-- others have committed above its mark; null: nothing waits, or its arrival is not known (adopted tables: their times are the
-- producers'). An event that came in one long statement has the time at which that began. Index: the primary key of the topic.
create or replace function howdah.held_since(topic int, low_mark bigint) returns timestamptz
language plpgsql stable set enable_seqscan = off set enable_sort = off as $$
declare
    since timestamptz;
begin
    if (select not t.adopted from howdah.topic t where t.number = held_since.topic) then
        execute format('select received_at from howdah.topic_%s where id > %s order by id limit 1', topic, low_mark) into since;
    end if;
    return since;
end $$;
revoke execute on function howdah.held_since(int, bigint) from public;
