-- howdah.marks: who holds back a topic, by the rule of howdah.stable: the transactions that have marked and are open, prepared
-- ones included.
create or replace function howdah.marks(topic int)
returns table (pid int, since timestamptz, low_mark bigint, gid text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    t howdah.topic := (select x from howdah.topic x where x.number = marks.topic);
    me oid := (select oid from pg_database where datname = current_database());
    drawn bigint := howdah.last_drawn(t.sequence);
begin
    return query
        select m.pid, coalesce(a.xact_start, p.prepared),
               case when m.d < 1073741824 then drawn else drawn + m.d - 2147483648 end, p.gid
        from (select l.pid, l.virtualtransaction, min((l.objid::bigint - drawn) & 2147483647) filter (where l.locktype = 'advisory') as d,
                     bool_or(l.locktype = 'relation') as writes, max(l.transactionid::text) as xid,
                     bool_or(l.pid is null and bool_or(l.locktype <> 'transactionid')) over () as prepared
              from pg_locks l
              where l.granted and (l.database = me
                and (l.locktype = 'advisory' and l.classid = (1224736768 + t.number)::oid and l.objsubid = 2 and l.mode = 'ShareLock'
                     or l.locktype = 'relation' and l.relation = t.source and l.mode = 'RowExclusiveLock')
                or l.locktype = 'transactionid' and l.pid is null)
              group by l.pid, l.virtualtransaction) m
        left join pg_stat_get_activity(m.pid) a on m.pid is not null
        left join pg_prepared_xacts p on m.pid is null and m.xid = p.transaction::text
        where m.d is not null and (m.writes or m.prepared);
end $$;
