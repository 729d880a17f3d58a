-- howdah.install_insert: generates the trigger of INSERT and COPY on a collection, and what it calls where rows have to be corrected.
--
-- Rows of new keys are copied into the history as they are: one look into the history for each. Rows whose key has been there
-- before, and rows that state a version or a time that is not theirs to state, are corrected after the fact: the version counts
-- on from the deletion's, known_at lies above it, and a version that is true from before the deletion goes into the history
-- alone. howdah.mended tells howdah.put the version. enable_seqscan is off because the plan is kept while the history grows.
create or replace function howdah.install_insert(c howdah.collection) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    execute format($f$
        create or replace function howdah_docs.insert_%1$s() returns trigger language plpgsql security definer set enable_seqscan = off as $q$
        begin
            if not exists (select from new_rows) then      -- an upsert that only updates
                return null;
            end if;
            with fresh as (
                insert into howdah_docs.history_%1$s (key, valid_from, known_at, version, expires_at, doc)
                select n.key, n.valid_from, n.updated_at, 1, n.expires_at, n.doc from new_rows n
                left join lateral (select true from howdah_docs.history_%1$s h where h.key operator(pg_catalog.=) n.key
                                   order by h.valid_from desc, h.known_at desc limit 1) last (there) on true
                where last.there is null and n.version operator(pg_catalog.=) 1
                      and (%2$s or n.updated_at operator(pg_catalog.=) pg_catalog.statement_timestamp())
                returning 1
            )
            insert into howdah.mending
                select pg_catalog.pg_current_xact_id(), %1$s
                where (select pg_catalog.count(*) from fresh) operator(pg_catalog.<>) (select pg_catalog.count(*) from new_rows);
            if found then
                perform howdah_docs.mend_%1$s((select pg_catalog.array_agg(n.key) from new_rows n));
            end if;
            return null;
        end $q$;
        create or replace function howdah_docs.mend_%1$s(added text[]) returns void language plpgsql security definer
        set search_path = pg_catalog, pg_temp set enable_seqscan = off as $q$
        #variable_conflict use_column
        declare
            keys    text[];
            vers    bigint[];
            known   timestamptz[];
            valid   timestamptz[];
            late    timestamptz[];
            refused text;
            live    boolean;
        begin
            select array_agg(x.key), array_agg(x.version), array_agg(x.known), array_agg(x.valid), array_agg(x.late),
                   min(howdah.refuse_document('known_at', x.key, x.updated_at::text, x.last_known::text)) filter (where x.early),
                   coalesce(bool_or(x.live), false)
                into keys, vers, known, valid, late, refused, live
                from (select n.key, n.updated_at, last.known_at as last_known, coalesce(last.version, 0) + 1 as version,
                             greatest(m.moment, last.known_at + interval '1 microsecond') as known,
                             case when n.valid_from in (m.moment, statement_timestamp()) then greatest(m.moment, last.valid_from) else n.valid_from end as valid,
                             case when n.valid_from < last.valid_from and n.valid_from not in (m.moment, statement_timestamp()) then last.valid_from end as late,
                             %2$s and n.updated_at <= last.known_at - interval '1 ms' and n.updated_at <> statement_timestamp() as early,
                             last.doc is not null as live
                      from unnest(added) a (key) join %3$s n on n.key = a.key collate "C",
                           lateral (select case when %2$s then n.updated_at else statement_timestamp() end as moment) m
                      left join lateral (select h.version, h.valid_from, h.known_at, h.doc from howdah_docs.history_%1$s h where h.key = n.key
                                         order by h.valid_from desc, h.known_at desc limit 1) last on true
                      where ((n.version, n.updated_at, n.valid_from) = (last.version, last.known_at, last.valid_from) and n.version = 1) is not true) x;
            if live and current_setting('transaction_isolation') <> 'read committed' then
                raise exception 'a document was deleted by a transaction that this one does not see' using errcode = 'serialization_failure',
                    hint = 'Try the transaction again.';
            end if;
            insert into howdah_docs.history_%1$s (key, valid_from, known_at, version, expires_at, doc)
                select n.key, x.valid, x.known, x.version, n.expires_at, n.doc
                from unnest(keys, vers, known, valid) x (key, version, known, valid) join %3$s n on n.key = x.key collate "C";
            insert into howdah_docs.history_%1$s (key, valid_from, known_at, version)
                select x.key, x.late, x.known, x.version from unnest(keys, vers, known, late) x (key, version, known, late) where x.late is not null;
            perform set_config('howdah.mending', '%1$s', true);
            delete from %3$s d using unnest(keys, late) x (key, late) where d.key = x.key collate "C" and x.late is not null;
            update %3$s d set version = x.version, updated_at = x.known, valid_from = x.valid
                from unnest(keys, vers, known, valid, late) x (key, version, known, valid, late) where d.key = x.key collate "C" and x.late is null;
            perform set_config('howdah.mending', '', true);
            delete from howdah.mending m where m.xid = pg_current_xact_id();
            perform set_config('howdah.mended', format('%%s %%s %%s', %4$L::text, vers[1], keys[1]), true);
        end $q$;
        revoke execute on function howdah_docs.insert_%1$s(), howdah_docs.mend_%1$s(text[]) from public $f$, c.number, c.given::text, c.source, c.name);
end $$;
revoke execute on function howdah.install_insert(howdah.collection) from public;
