-- howdah.last_drawn: the last id that a sequence has drawn, or the one before its first. No locks.
create or replace function howdah.last_drawn(sequence regclass) returns bigint
language sql volatile set search_path = pg_catalog, pg_temp as $$
    select coalesce(pg_sequence_last_value(sequence), (select seqstart - 1 from pg_sequence where seqrelid = sequence))
$$;
revoke execute on function howdah.last_drawn(regclass) from public;
