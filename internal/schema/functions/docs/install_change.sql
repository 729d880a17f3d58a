-- howdah.install_change: generates the triggers of UPDATE and DELETE on a collection.
--
-- change, before each updated row, which the UPDATE has locked: counts the version, and stamps updated_at: the statement's time
-- (or, where the collection's times are given, what the UPDATE says), and always above the row's last one. So known_at ascends
-- for each key whatever transactions overlap and clocks do. valid_from is what the UPDATE says; where it does not change it, the
-- version is true from now on. An UPDATE that sets version = version + 1 itself, as howdah.put does where it is given a time, means
-- its times also where they are the old ones. Given times less than a millisecond apart count as one
-- instant; a valid_from at the very moment that it becomes known is from now on, too, and never before the row's. A version that is true from before the row's valid_from is one that became known
-- late: it goes into the history, and the row keeps its document.
-- update and delete, after each statement: write the history. A deletion is a version without a document.
-- Names and operators are qualified instead of a SET clause, which would cost more. No index but the history's primary key.
create or replace function howdah.install_change(c howdah.collection) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    execute format($f$
        create or replace function howdah_docs.change_%1$s() returns trigger language plpgsql security definer as $q$
        begin
            -- The common case first, in as few expressions as possible: each is set up again in every transaction.
            if %3$s new.valid_from operator(pg_catalog.=) old.valid_from and new.version operator(pg_catalog.=) old.version
               and new.key operator(pg_catalog.=) old.key and pg_catalog.current_setting('howdah.mending', true) operator(pg_catalog.=) '%1$s' is not true then
                new.version := (old.version operator(pg_catalog.+) 1);
                new.updated_at := greatest(pg_catalog.statement_timestamp(), old.updated_at operator(pg_catalog.+) interval '1 microsecond');
                new.valid_from := greatest(pg_catalog.statement_timestamp(), old.valid_from);
                return new;
            end if;
            declare
                stated boolean := new.version operator(pg_catalog.=) (old.version operator(pg_catalog.+) 1);
                moment pg_catalog.timestamptz := pg_catalog.statement_timestamp();
                known pg_catalog.timestamptz := greatest(moment, old.updated_at operator(pg_catalog.+) interval '1 microsecond');
            begin
                if new.key operator(pg_catalog.<>) old.key then
                    perform howdah.refuse_document('key', old.key, new.key);
                elsif pg_catalog.current_setting('howdah.mending', true) operator(pg_catalog.=) '%1$s' and howdah.is_mending(%1$s) then
                    return new;
                elsif %2$s and (stated or new.updated_at operator(pg_catalog.<>) old.updated_at) then
                    if new.updated_at operator(pg_catalog.<=) (old.updated_at operator(pg_catalog.-) interval '1 millisecond') then
                        perform howdah.refuse_document('known_at', old.key, new.updated_at::pg_catalog.text, old.updated_at::pg_catalog.text);
                    end if;
                    moment := new.updated_at;
                    known := greatest(moment, old.updated_at operator(pg_catalog.+) interval '1 microsecond');
                end if;
                if new.valid_from operator(pg_catalog.=) old.valid_from and not stated or new.valid_from operator(pg_catalog.=) moment then
                    new.valid_from := greatest(moment, old.valid_from);
                elsif new.valid_from operator(pg_catalog.<) old.valid_from then
                    insert into howdah_docs.history_%1$s (key, valid_from, known_at, version, expires_at, doc)
                        values (new.key, new.valid_from, known, old.version operator(pg_catalog.+) 1, new.expires_at, new.doc);
                    new := old;
                end if;
                new.version := (old.version operator(pg_catalog.+) 1);
                new.updated_at := known;
                return new;
            end;
        end $q$;
        create or replace function howdah_docs.update_%1$s() returns trigger language plpgsql security definer as $q$
        begin
            insert into howdah_docs.history_%1$s (key, valid_from, known_at, version, expires_at, doc)
                select n.key, n.valid_from, n.updated_at, n.version, n.expires_at, n.doc from new_rows n
                where pg_catalog.current_setting('howdah.mending', true) operator(pg_catalog.=) '%1$s' is not true or not howdah.is_mending(%1$s);
            return null;
        end $q$;
        create or replace function howdah_docs.delete_%1$s() returns trigger language plpgsql security definer as $q$
        declare
            given pg_catalog._text := pg_catalog.string_to_array(nullif(pg_catalog.current_setting('howdah.delete', true), ''), ',', '');
        begin
            insert into howdah_docs.history_%1$s (key, valid_from, known_at, version)
                select o.key,
                       greatest(o.valid_from, coalesce(given[1]::pg_catalog.timestamptz,
                           case when o.expires_at operator(pg_catalog.<=) pg_catalog.statement_timestamp() then o.expires_at
                                else coalesce(case when %2$s then given[2]::pg_catalog.timestamptz end, pg_catalog.statement_timestamp()) end)),
                       greatest(coalesce(case when %2$s then given[2]::pg_catalog.timestamptz end, pg_catalog.statement_timestamp()),
                           o.updated_at operator(pg_catalog.+) interval '1 microsecond'),
                       o.version operator(pg_catalog.+) 1
                from old_rows o
                where pg_catalog.current_setting('howdah.mending', true) operator(pg_catalog.=) '%1$s' is not true or not howdah.is_mending(%1$s);
            return null;
        end $q$;
        revoke execute on function howdah_docs.change_%1$s(), howdah_docs.update_%1$s(), howdah_docs.delete_%1$s() from public $f$,
        c.number, c.given::text,
        case when c.given then 'new.updated_at operator(pg_catalog.=) old.updated_at and' else '' end);
end $$;
revoke execute on function howdah.install_change(howdah.collection) from public;
