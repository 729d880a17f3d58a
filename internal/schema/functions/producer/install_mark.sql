-- howdah.install_mark: generates the mark and the guards of one topic and puts them on its table.
--
-- howdah_mark, before each INSERT statement, once a transaction: reads v, the last id drawn, and takes a shared advisory
-- lock at v (or a free lower value), so that everything this transaction draws lies above its mark. The setting
-- howdah.t<number> remembers top-level transaction and v as xid:v, and counts in this transaction only (what is split off
-- is right: no earlier xid ends with all digits of a later one); it is transaction-local, so a rolled-back savepoint
-- undoes lock and setting together. Names and operators are qualified instead of a SET clause, and what can be one
-- expression is one, because PL/pgSQL sets each up anew in every transaction.
-- howdah_guard, after each row, ALWAYS: refuses an id that is not above this transaction's mark, or any row without one, and
-- a received_at that is not the column's default. Its condition is an expression: a function would cost more for each row of
-- a COPY.
-- howdah_truncate refuses TRUNCATE.
-- Locks: SHARE ROW EXCLUSIVE on the table where a trigger is missing, waiting at most 2 s for producers in flight.
create or replace function howdah.install_mark(t howdah.topic) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    start_id bigint := (select seqstart from pg_sequence where seqrelid = t.sequence);
    patience text := current_setting('lock_timeout');
begin
    execute format($f$
        create or replace function howdah.take_mark_%1$s() returns trigger language plpgsql security definer as $q$
        declare
            v pg_catalog.int8;
        begin
            if pg_catalog.split_part(pg_catalog.current_setting('howdah.t%1$s', true),
                    pg_catalog.pg_current_xact_id()::pg_catalog.text operator(pg_catalog.||) ':', 2) operator(pg_catalog.<>) '' then
                return null;
            end if;
            v := coalesce(pg_catalog.pg_sequence_last_value(%2$L::pg_catalog.regclass), %3$s);
            if not pg_catalog.pg_try_advisory_xact_lock_shared(%4$s, (v operator(pg_catalog.&) 2147483647)::pg_catalog.int4) then
                perform howdah.take_lower_mark(%4$s, v);
            end if;
            if pg_catalog.set_config('howdah.t%1$s', pg_catalog.pg_current_xact_id()::pg_catalog.text
                    operator(pg_catalog.||) ':' operator(pg_catalog.||) v::pg_catalog.text, true) is null
                or pg_catalog.current_setting('idle_in_transaction_session_timeout') operator(pg_catalog.=) '0'
                    and pg_catalog.set_config('idle_in_transaction_session_timeout', %5$L, true) is null
                or not pg_catalog.pg_try_advisory_xact_lock_shared(1213159169, %1$s) then
                perform howdah.wake(%1$s);
            end if;
            return null;
        end $q$;
        revoke execute on function howdah.take_mark_%1$s() from public $f$,
        t.number, t.sequence, start_id - 1, 1224736768 + t.number,
        (extract(epoch from t.idle_timeout) * 1000)::bigint::text);
    if not exists (select from pg_trigger where tgrelid = t.source and tgname = 'howdah_guard') then
        perform set_config('lock_timeout', '2s', true);
        execute format($f$
            create trigger howdah_mark before insert on %1$s for each statement execute function howdah.take_mark_%2$s();
            create trigger howdah_guard after insert on %1$s for each row when (new.%3$I <= coalesce(nullif(split_part(
                    current_setting('howdah.t%2$s', true), pg_current_xact_id()::text || ':', 2), '')::bigint, 9223372036854775807)%4$s)
                execute function howdah.refuse_id(%3$L, %2$s);
            create trigger howdah_truncate before truncate on %1$s for each statement execute function howdah.refuse_truncate();
            alter table %1$s enable always trigger howdah_guard;
            alter table %1$s enable always trigger howdah_truncate $f$, t.source, t.number, t.id_column,
            case when not t.adopted then ' or new.received_at <> statement_timestamp()' else '' end);
        perform set_config('lock_timeout', patience, true);
    end if;
end $$;
revoke execute on function howdah.install_mark(howdah.topic) from public;
