-- howdah.stable: the highest id below which nothing can appear any more in this topic. The sequence is read first, then
-- pg_locks exactly once: the smallest mark whose transaction also holds RowExclusiveLock on the topic's table, or any
-- mark while a prepared transaction holds either (PREPARE TRANSACTION moves locks one partition at a time).
-- Rows up to it must be read by a later statement with a later snapshot. It may go back. drawn: the last id drawn; marked:
-- a producer is open, so that something may appear without a notification.
create or replace function howdah.stable(t howdah.topic, out stable bigint, out drawn bigint, out marked boolean)
language plpgsql volatile as $$
declare
    me oid := (select oid from pg_database where datname = current_database());
begin
    if pg_is_in_recovery() then
        raise exception 'the stable id is not known on a standby'
            using errcode = 'read_only_sql_transaction', hint = 'Connect to the primary.';
    end if;
    drawn := coalesce(pg_sequence_last_value(t.sequence), (select seqstart - 1 from pg_sequence where seqrelid = t.sequence));
    select coalesce(min(case when d < 1073741824 then drawn else drawn + d - 2147483648 end), drawn), count(*) > 0 into stable, marked
    from (select d, writes, bool_or(prepared) over () as prepared
          from (select min((objid::bigint - drawn) & 2147483647) filter (where locktype = 'advisory'
                           and ((objid::bigint - drawn) & 2147483647) >= 1073741824) as d,
                       bool_or(locktype = 'relation') as writes, bool_or(pid is null) as prepared
                from pg_locks
                where database = me and granted
                  and (locktype = 'advisory' and classid = (1224736768 + t.number)::oid and objsubid = 2 and mode = 'ShareLock'
                       or locktype = 'relation' and relation = t.source and mode = 'RowExclusiveLock')
                group by virtualtransaction) x) y
    where d is not null and (writes or prepared);
end $$;
revoke execute on function howdah.stable(howdah.topic) from public;
