-- howdah.install_mark: generates the mark and the guards of one topic and puts them on its table.
--
-- howdah_mark, before each INSERT statement, once a transaction: reads v, the last id drawn, and takes a shared advisory
-- lock at v (or a free lower value), so that everything this transaction draws lies above its mark. howdah.t<number> says that
-- the top-level transaction with this id has marked, howdah.m<number> is v, for the guard. Both are transaction-local, so a
-- rolled-back savepoint undoes them and the lock together; what a session or a role has set there is another transaction's and
-- is set anew. Names and operators are qualified instead of a SET clause, and what can be one expression is one, because
-- PL/pgSQL sets each up anew in every transaction.
-- howdah_guard, after each row, ALWAYS: refuses an id that is not above this transaction's mark, or any row without one, and
-- a received_at that is not the column's default. Its condition is an expression, since a function would cost more for each row
-- of a COPY, and it has few nodes, since every statement reads and plans it anew, about 1 µs each: whose mark it is stands in
-- howdah.t<number> and is the mark's business.
-- howdah_truncate refuses TRUNCATE.
-- Locks: SHARE ROW EXCLUSIVE on the table where a trigger is missing, waiting at most 2 s for producers in flight. Where the
-- guard is an earlier version's, 100 ms: an upgrade then leaves mark and guard as they are, a pair that is as safe, to the next.
create or replace function howdah.install_mark(t howdah.topic) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    start_id  bigint := (select seqstart from pg_sequence where seqrelid = t.sequence);
    guard     text := format($f$
        create or replace trigger howdah_guard after insert on %1$s for each row
            when ((new.%2$I > nullif(current_setting('howdah.m%3$s', true), '')::bigint) is not true%4$s)
            execute function howdah.refuse_id(%2$L, %3$s);
        alter table %1$s enable always trigger howdah_guard $f$,
        t.source, t.id_column, t.number, case when not t.adopted then ' or new.received_at <> statement_timestamp()' else '' end);
    installed text := (select coalesce(obj_description(g.oid, 'pg_trigger'), '') from pg_trigger g where g.tgrelid = t.source and g.tgname = 'howdah_guard');
    patience  text := current_setting('lock_timeout');
begin
    if installed <> md5(guard) then                         -- the comment on the guard tells
        begin
            perform set_config('lock_timeout', '100ms', true);
            execute guard;
        exception when lock_not_available or insufficient_privilege then
            if nullif(current_setting('howdah.target', true), '') is null then
                raise;                                      -- no upgrade: somebody wants a change of the mark
            end if;
            return;                                         -- lock_timeout, too, is what it was
        end;
    end if;
    execute format($f$
        create or replace function howdah.take_mark_%1$s() returns trigger language plpgsql security definer as $q$
        declare
            v pg_catalog.int8;
        begin
            if pg_catalog.current_setting('howdah.t%1$s', true) operator(pg_catalog.=) pg_catalog.pg_current_xact_id()::pg_catalog.text then
                return null;
            end if;
            v := coalesce(pg_catalog.pg_sequence_last_value(%2$L::pg_catalog.regclass), %3$s);
            if not pg_catalog.pg_try_advisory_xact_lock_shared(%4$s, (v operator(pg_catalog.&) 2147483647)::pg_catalog.int4) then
                perform howdah.take_lower_mark(%4$s, v);
            end if;
            if pg_catalog.set_config('howdah.m%1$s', v::pg_catalog.text, true) is null
                or pg_catalog.set_config('howdah.t%1$s', pg_catalog.pg_current_xact_id()::pg_catalog.text, true) is null
                or pg_catalog.current_setting('idle_in_transaction_session_timeout') operator(pg_catalog.=) '0'
                    and pg_catalog.set_config('idle_in_transaction_session_timeout', %5$L, true) is null
                or not pg_catalog.pg_try_advisory_xact_lock_shared(1213159169, %1$s) then
                perform howdah.wake(%1$s);
            end if;
            return null;
        end $q$;
        revoke execute on function howdah.take_mark_%1$s() from public $f$,
        t.number, t.sequence, start_id - 1, 1224736768 + t.number, (extract(epoch from t.idle_timeout) * 1000)::bigint::text);
    if installed is null then
        perform set_config('lock_timeout', '2s', true);
        execute format($f$
            create trigger howdah_mark before insert on %1$s for each statement execute function howdah.take_mark_%2$s();
            create trigger howdah_truncate before truncate on %1$s for each statement execute function howdah.refuse_truncate();
            alter table %1$s enable always trigger howdah_truncate $f$, t.source, t.number);
        execute guard;
    end if;
    if installed is distinct from md5(guard) then
        execute format('comment on trigger howdah_guard on %s is %L', t.source, md5(guard));
    end if;
    perform set_config('lock_timeout', patience, true);
end $$;
revoke execute on function howdah.install_mark(howdah.topic) from public;
