-- howdah.lock_consumer: the consumer's row, locked FOR NO KEY UPDATE: claimers of one consumer, seek, replay and redrive
-- exclude each other with it. Waits at most 1 s, or lock_timeout where that is less, then an error that names who blocks. Writes no row version.
create or replace function howdah.lock_consumer(consumer text) returns howdah.consumer
language plpgsql volatile as $$
declare
    c        howdah.consumer;
    patience text;
    longest  text;
    blocker  text;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        perform howdah.refuse_isolation();
    end if;
    select * into c from howdah.consumer x where x.name = lock_consumer.consumer for no key update skip locked;
    if c.number is not null then
        return c;
    end if;
    c := howdah.find_consumer(consumer);
    patience := current_setting('lock_timeout');
    begin
        longest := case when extract(epoch from patience::interval) between 0.001 and 1 then patience else '1s' end;
        perform set_config('lock_timeout', longest, true);
        select * into c from howdah.consumer x where x.number = c.number for no key update;
        perform set_config('lock_timeout', patience, true);
    exception when lock_not_available then
        select format('process %s (%s, %s) has been in its transaction since %s', a.pid, a.usename, a.state, a.xact_start) into blocker
            from pg_locks l join pg_stat_activity a on a.pid = l.pid
            where l.locktype = 'relation' and l.relation = 'howdah.consumer'::regclass and l.mode = 'RowShareLock' and l.pid <> pg_backend_pid()
            order by a.xact_start limit 1;
        raise exception 'consumer % is busy: waited % for another claim, seek, replay or redrive', quote_literal(consumer), longest
            using errcode = 'lock_not_available', detail = coalesce(blocker, 'The blocker has gone.'),
                  hint = 'Claim with autocommit: commit right after the claim, then work, then ack.';
    end;
    if c.number is null then
        perform howdah.find_consumer(consumer);
    end if;
    return c;
end $$;
revoke execute on function howdah.lock_consumer(text) from public;
