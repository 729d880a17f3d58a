-- howdah.drop_segments: empties the segments of a topic whose events are older than its retention and that no consumer needs
-- (head, open, pending or dead below its end), oldest first; above max_bytes also those that are needed: then consumers lose
-- their place, with a warning and a range that counts as lost. Emptying is TRUNCATE of the leaf; dropping comes later.
-- Locks: ACCESS EXCLUSIVE on the leaf, for the drop also on the topic; waits 100 ms, else the next call.
create or replace function howdah.drop_segments(topic int) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t      howdah.topic;
    g      howdah.segment;
    c      howdah.consumer;
    newest timestamptz;
    full_  boolean;
    needed boolean;
    x      record;
    patience text := current_setting('lock_timeout');
begin
    select * into strict t from howdah.topic y where y.number = topic;
    select * into x from howdah.stable(t);
    for g in select * from howdah.segment y where y.topic = topic and y.emptied_at is null and y.until_id <= x.stable + 1 order by y.first_id loop
        execute format('select max(received_at) from (select received_at from %s order by id desc limit 1000) y', g.leaf) into newest;
        full_ := t.max_bytes < (select sum(pg_total_relation_size(y.leaf)) from howdah.segment y where y.topic = topic and y.emptied_at is null);
        exit when newest > clock_timestamp() - t.retention and full_ is not true;
        for c in select * from howdah.consumer y where y.topic = topic order by y.name loop
            needed := howdah.needs_below(c, g.until_id);
            exit when needed and full_ is not true;
            if needed then
                perform howdah.lose_below(c, g.until_id);
            end if;
        end loop;
        exit when needed and full_ is not true;
        perform set_config('lock_timeout', '100ms', true);
        execute format('truncate %s', g.leaf);
        perform set_config('lock_timeout', patience, true);
        update howdah.segment y set emptied_at = clock_timestamp() where y.topic = topic and y.first_id = g.first_id;
    end loop;
    for g in select * from howdah.segment y where y.topic = topic and y.emptied_at < clock_timestamp() - interval '10 minutes' limit 1 loop
        perform set_config('lock_timeout', '100ms', true);
        execute format('drop table %s', g.leaf);
        perform set_config('lock_timeout', patience, true);
        delete from howdah.segment y where y.topic = topic and y.first_id = g.first_id;
    end loop;
exception when lock_not_available then
    null;                                                   -- somebody reads; the next call tries again
end $$;
revoke execute on function howdah.drop_segments(int) from public;
