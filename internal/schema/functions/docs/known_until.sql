-- howdah.known_until: the time up to which as_of answers of a collection are final: the start of the oldest transaction that may still
-- commit a change of it, or now. null where that cannot be told: a prepared transaction, or one of a role that the owner of Howdah may not
-- look at (grant it pg_read_all_stats). With collections whose times are given it speaks of the clock, not of what is stated.
-- Needs SELECT on the collection. Reads pg_locks once.
create or replace function howdah.known_until(collection text) returns timestamptz
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    c  howdah.collection := howdah.find_collection(collection);
    me oid := (select oid from pg_database where datname = current_database());
    -- Before the look at the locks: who starts later stamps later.
    at timestamptz := clock_timestamp();
begin
    perform howdah.need('SELECT', c.source);
    return (select case when bool_or(l.pid is null or a.xact_start is null and l.pid <> pg_backend_pid()) then null
                        else least(min(a.xact_start), at) - interval '1 microsecond' end
            from pg_locks l left join pg_stat_get_activity(l.pid) a on l.pid is not null
            where l.granted and l.locktype = 'relation' and l.database = me and l.relation = c.source and l.mode = 'RowExclusiveLock');
end $$;
