-- howdah.check: proves of every consumer that each id is in exactly one place (done, open, pending, dead, not yet handed out), and
-- of every topic that its sequence is ahead of its ids, and of every object that its bytes are all there. No row: all is well.
-- Collections, guards and generated parts are looked at too. One statement a lane, so one snapshot. What is compared with the sequence
-- is read first: a sequence only grows, and does not wait for snapshots.
create or replace function howdah.check() returns table (topic text, consumer text, problem text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    t    howdah.topic;
    c    howdah.consumer;
    lane int;
    high bigint;
    drawn bigint;
begin
    for t in select * from howdah.topic x order by x.name loop
        if not howdah.is_there(t.source) then
            return query select t.name, null::text, 'its table was dropped: howdah.drop_consumer and howdah.drop_topic remove what is left'::text;
            continue;
        elsif howdah.is_renamed(t) then
            return query select t.name, null::text, format('its table is called %s now: select howdah.upkeep() follows', t.source);
        end if;
        execute format('select max(id) from howdah.topic_%s', t.number) into high;
        drawn := howdah.last_drawn(t.sequence);
        if high > drawn then
            return query select t.name, null::text, format('id %s lies above the last id drawn, %s: the sequence went back or an id was set by hand; select setval(%L, %s) puts it right', high, drawn, t.sequence, high);
        end if;
        if (select count(*) from pg_trigger g where g.tgrelid = t.source and g.tgname in ('howdah_mark', 'howdah_guard', 'howdah_truncate')
                and g.tgenabled = case when g.tgname = 'howdah_mark' then 'O' else 'A' end) <> 3 then
            return query select t.name, null::text, 'a trigger of the topic''s table is missing or disabled'::text;
        end if;
        return query select t.name, null::text, format('%s is set for %s: the guard takes it for a mark where no mark is taken; reset it', split_part(x, '=', 1),
                concat_ws(' in ', nullif(s.setrole, 0)::regrole::text, (select 'database ' || quote_ident(d.datname) from pg_database d where d.oid = s.setdatabase)))
            from pg_db_role_setting s, unnest(s.setconfig) x where x ~ format('^howdah\.[tm]%s=', t.number);
        for c in select * from howdah.consumer x where x.topic = t.number order by x.name loop
            for lane in 0..c.lanes - 1 loop
                return query
                    with state as (
                        select * from howdah.claims k where k.consumer = c.number and k.lane = lane order by k.claim_id desc limit 1
                    ), place as (
                        select 'open claim ' || k.claim_id as name, howdah.covered(k.first_id, k.last_id, k.bits) as ids, k.held as events, k.claim_id
                            from howdah.claims k where k.consumer = c.number and k.lane = lane and k.ended_at is null and k.first_id is not null
                        union all
                        select 'pending range ' || p.seq, howdah.covered(p.first_id, p.last_id, p.bits), null, p.claim_id
                            from howdah.pending p where p.consumer = c.number and p.lane = lane
                        union all
                        select 'dead letters', coalesce(range_agg(int8range(d.id, d.id, '[]')), '{}'), null, null
                            from howdah.dead d where d.consumer = c.number and d.lane = lane
                    ), numbered as (
                        select p.*, row_number() over () as nr from place p
                    )
                    select t.name, c.name, x.problem from (
                        select format('lane %s has no state', lane) as problem where not exists (select from state)
                        union all
                        select format('ids %s are in two places: %s and %s', a.ids * b.ids, a.name, b.name)
                            from numbered a join numbered b on a.nr < b.nr and a.ids && b.ids
                        union all
                        select format('%s has ids at or above the head %s: %s', a.name, s.head, a.ids) from numbered a, state s where upper(a.ids) > s.head
                        union all
                        select format('%s is open, but not in the state''s list', a.name) from numbered a, state s
                            where a.name like 'open claim %' and a.claim_id <> all (s.open)
                        union all
                        select format('%s was nacked by claim %s, which is not in the state''s list', a.name, p.claim_id) from numbered a, state s, howdah.pending p
                            where a.name = 'pending range ' || p.seq and p.queue_at is null and p.claim_id <> all (s.open)
                        union all
                        select format('%s lies below the floor and would never be taken', a.name) from numbered a, state s, howdah.pending p
                            where a.name = 'pending range ' || p.seq and p.queue_at is not null and not c.ordered and (p.queue_at, p.seq) <= (s.floor_at, s.floor_seq)
                        union all
                        select format('%s says that it holds %s events, and holds %s', a.name, a.events,
                                      cardinality(howdah.members(t, case when c.lanes > 1 then lane end, k.first_id, k.last_id, k.bits)))
                            from numbered a join howdah.claims k on k.claim_id = a.claim_id and a.name like 'open claim %'
                            where a.events <> cardinality(howdah.members(t, case when c.lanes > 1 then lane end, k.first_id, k.last_id, k.bits))
                        union all
                        select format('the head %s lies above the last id drawn, %s', s.head, d.drawn)
                            from state s, lateral (select howdah.last_drawn(t.sequence) as drawn) d where s.head > d.drawn + 1
                    ) x;
            end loop;
        end loop;
    end loop;
    return query select null::text, null::text, format('collection %s: %s', k.collection, k.problem) from howdah.check_collections() k;
    return query select null::text, null::text, 'object' || coalesce(' ' || o.bucket, '') || coalesce('/' || o.key, '') || ': ' || o.problem from howdah.check_objects() o;
end $$;
