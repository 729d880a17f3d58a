-- howdah.make_segments: makes segments ahead for a topic with retention: two spare ones above the last id drawn, and an empty
-- DEFAULT partition for what comes without upkeep. CREATE TABLE (LIKE) + ATTACH does not disturb producers, unlike CREATE TABLE
-- … PARTITION OF. A segment that has been open for a quarter of the retention is closed early: the sequence jumps to its end.
-- Locks: SHARE UPDATE EXCLUSIVE on the topic, ACCESS EXCLUSIVE on the DEFAULT partition; waits 100 ms, else the next call.
create or replace function howdah.make_segments(topic int) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t      howdah.topic;
    size   bigint := howdah.get_setting('segment_ids')::bigint;
    drawn  bigint;
    next   bigint;
    spare  int;
    leaf   text;
    rest   text := format('howdah_segments.topic_%s_rest', topic);
    g      howdah.segment;
    oldest timestamptz;
    patience text := current_setting('lock_timeout');
begin
    select * into strict t from howdah.topic x where x.number = topic;
    if to_regclass(rest) is null then
        execute format('create table %s partition of %s default', rest, t.source);
    end if;
    drawn := coalesce(pg_sequence_last_value(t.sequence), 0);
    perform set_config('lock_timeout', '100ms', true);
    loop
        select count(*) filter (where x.first_id > drawn), max(x.until_id) into spare, next from howdah.segment x where x.topic = topic;
        exit when spare >= 2;
        execute format('select greatest($1, max(id) + 1) from %s', rest) into next using coalesce(next, 1);
        if next <= drawn then
            -- Upkeep was late: the DEFAULT partition takes what comes, and goes on with that for a while, because a statement
            -- that runs now does not see the new segment and would be refused in it.
            next := drawn + 1 + size;
        end if;
        leaf := format('howdah_segments.topic_%s_%s', topic, next);
        execute format('create table %s (like %s including all excluding identity, check (id >= %s and id < %s))', leaf, t.source, next, next + size);
        execute format('alter table %s attach partition %s for values from (%s) to (%s)', t.source, leaf, next, next + size);
        insert into howdah.segment (topic, first_id, until_id, leaf) values (topic, next, next + size, leaf::regclass);
    end loop;
    perform set_config('lock_timeout', patience, true);
    select * into g from howdah.segment x where x.topic = topic and drawn between x.first_id and x.until_id - 1;
    if g.leaf is not null and g.until_id - drawn > size / 8 then
        execute format('select received_at from %s order by id limit 1', g.leaf) into oldest;
        if clock_timestamp() - oldest > t.retention / 4 then
            update howdah.segment x set last_id = drawn where x.topic = topic and x.first_id = g.first_id;
            perform setval(t.sequence, g.until_id - 1);
        end if;
    end if;
exception when lock_not_available then
    null;                                                   -- somebody reads the DEFAULT partition; the next call tries again
end $$;
revoke execute on function howdah.make_segments(int) from public;
