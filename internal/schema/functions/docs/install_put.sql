-- howdah.install_put: generates howdah_docs.put_<number>, which howdah.put calls: the statements of one collection, whose plans are kept.
-- With the caller's rights: INSERT, UPDATE and SELECT on docs.<collection>. It locks the document's row; primary key.
create or replace function howdah.install_put(c howdah.collection) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    execute format($f$
        create or replace function howdah_docs.put_%1$s(key text, doc jsonb, valid_from timestamptz, if_version bigint, expires_at timestamptz, known_at timestamptz)
        returns bigint language plpgsql volatile as $q$
        #variable_conflict use_column
        declare
            v pg_catalog.int8;
        begin
            if (pg_catalog.octet_length(put_%1$s.key) operator(pg_catalog.<=) 1024 and put_%1$s.key operator(pg_catalog.<>) ''
                and pg_catalog.jsonb_typeof(put_%1$s.doc) operator(pg_catalog.=) 'object') is not true then
                perform howdah.check_document(put_%1$s.key, put_%1$s.doc);
            end if;
            if put_%1$s.valid_from is null and put_%1$s.known_at is null and if_version is null then
                insert into %2$s as d (key, doc, expires_at) values (put_%1$s.key, put_%1$s.doc, put_%1$s.expires_at)
                    on conflict (key) do update set doc = excluded.doc, expires_at = excluded.expires_at returning d.version into v;
            else
                v := howdah.put_on_terms(%3$L, put_%1$s.key, put_%1$s.doc, put_%1$s.valid_from, if_version, put_%1$s.expires_at, put_%1$s.known_at);
            end if;
            if v operator(pg_catalog.=) 1 and pg_catalog.current_setting('howdah.mended', true) operator(pg_catalog.<>) '' then
                return howdah.take_mended(%3$L, put_%1$s.key, v);      -- the key has been there before
            end if;
            return v;
        end $q$ $f$, c.number, c.source, c.name);
end $$;
revoke execute on function howdah.install_put(howdah.collection) from public;
