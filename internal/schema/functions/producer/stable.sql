-- howdah.stable: the highest id below which nothing can appear any more in this topic. The sequence is read first, then
-- pg_locks exactly once: the smallest mark whose transaction also holds RowExclusiveLock on the topic's table, or any
-- mark while a prepared transaction holds either (PREPARE TRANSACTION moves locks one partition at a time).
-- Rows up to it must be read by a later statement with a later snapshot. It may go back. drawn: the last id drawn; marked:
-- a producer is open, so that something may appear without a notification.
create or replace function howdah.stable(t howdah.topic, out stable bigint, out drawn bigint, out marked boolean)
language plpgsql volatile as $$
declare
    writers  text[];                                        -- transactions that may write to the topic's table
    markers  text[];                                        -- those that have marked,
    marks    bigint[];                                      -- and how far above the last id their marks are, modulo 2^31
    prepared boolean;
begin
    if pg_is_in_recovery() then
        raise exception 'the stable id is not known on a standby'
            using errcode = 'read_only_sql_transaction', hint = 'Connect to the primary.';
    end if;
    drawn := pg_sequence_last_value(t.sequence);
    if drawn is null then
        drawn := (select seqstart - 1 from pg_sequence where seqrelid = t.sequence);
    end if;
    -- Joined below and not here: in each transaction it costs more to set up a plan of several levels than to run it.
    select array_agg(virtualtransaction) filter (where locktype = 'relation'), array_agg(virtualtransaction) filter (where locktype = 'advisory'),
           array_agg((objid::bigint - drawn) & 2147483647) filter (where locktype = 'advisory'), bool_or(pid is null)
        into writers, markers, marks, prepared
        from pg_locks
        where database = (select oid from pg_database where datname = current_database()) and granted
        and (locktype = 'advisory' and classid = (1224736768 + t.number)::oid and objsubid = 2 and mode = 'ShareLock'
             or locktype = 'relation' and relation = t.source and mode = 'RowExclusiveLock');
    stable := drawn;
    marked := false;
    for i in 1..coalesce(cardinality(marks), 0) loop
        if prepared or markers[i] = any (writers) then
            marked := true;                                 -- also by a mark at the last id: its producer has drawn nothing yet
            if marks[i] >= 1073741824 then
                stable := least(stable, drawn + marks[i] - 2147483648);
            end if;
        end if;
    end loop;
end $$;
revoke execute on function howdah.stable(howdah.topic) from public;
