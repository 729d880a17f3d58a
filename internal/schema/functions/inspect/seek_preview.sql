-- howdah.seek_preview: what howdah.seek would do now, without doing it: where the head would go, how many ids would be delivered again
-- or skipped, and what would end. A time is found by bisection, so the id is about right. Dead letters are counted up to
-- 10,000. Needs SELECT on the topic's table.
create or replace function howdah.seek_preview(consumer text, target text, out goal bigint, out head bigint, out again bigint, out skipped bigint,
        out open_claims bigint, out in_flight bigint, out pending bigint, out dead bigint, out about boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    c howdah.consumer := howdah.find_consumer(consumer);
    t howdah.topic;
    s record;
    x record;
begin
    select * into t from howdah.topic y where y.number = c.topic;
    perform howdah.need('SELECT', t.source);
    about := target !~ '^\s*(earliest|latest|-?\d+)\s*$';
    if about then
        select y.stable into x from howdah.stable(t) y;
        goal := least(howdah.id_at(t.name, howdah.parse_instant('target', target)), x.stable + 1);
    else
        goal := howdah.resolve(t, 'target', target);
    end if;
    select * into s from howdah.consumer_stats(c.number, 10000);
    head := s.head; open_claims := s.open_claims; in_flight := s.in_flight; pending := s.pending;
    again := greatest(head - goal, 0);
    skipped := greatest(goal - head, 0);
    select count(*) into dead from (select from howdah.dead d where d.consumer = c.number and d.id >= goal limit 10000) d;
end $$;
