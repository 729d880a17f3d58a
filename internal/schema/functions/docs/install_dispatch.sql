-- howdah.install_dispatch: generates howdah.get, howdah.get_many, howdah.get_document, howdah.get_documents and howdah.put anew: a branch for
-- each collection with its own static statements, so that their plans are kept. The same with EXECUTE plans each call: twice to three times the price.
-- enable_seqscan is off because a plan that was made while the collection was small is kept while it grows; it costs 4 of a get's 50 µs.
-- It is called, under the catalogue's advisory lock, when a collection comes or goes, and after an upgrade. No other locks.
create or replace function howdah.install_dispatch() returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    body constant text := $f$begin
            if collection is null then
                perform howdah.need_collection(collection); %s
            else
                perform howdah.need_collection(collection); %s
            end if;
        end$f$;
    get_branches  text := '';
    many_branches text := '';
    doc_branches  text := '';
    docs_branches text := '';
    put_branches  text := '';
    c             howdah.collection;
begin
    for c in select * from howdah.collection order by number loop
        get_branches := get_branches || format($f$
            elsif collection operator(pg_catalog.=) %1$L then
                if as_of is null then
                    return (select d.doc from %2$s d where d.key operator(pg_catalog.=) get.key
                            and (d.expires_at is null or d.expires_at operator(pg_catalog.>) pg_catalog.statement_timestamp()));
                end if;
                return (select d.doc from docs.%3$I(get.key, as_of) d); $f$, c.name, c.source, howdah.part_name(c.name, '_as_of'));
        doc_branches := doc_branches || format($f$
            elsif collection operator(pg_catalog.=) %1$L then
                select d.doc, d.version, d.valid_from, d.updated_at, d.expires_at into doc, version, valid_from, known_at, expires_at
                    from %2$s d where d.key operator(pg_catalog.=) get_document.key
                    and (d.expires_at is null or d.expires_at operator(pg_catalog.>) pg_catalog.statement_timestamp()); $f$, c.name, c.source);
        docs_branches := docs_branches || format($f$
            elsif collection operator(pg_catalog.=) %1$L then
                return query select d.key, d.doc, d.version, d.valid_from, d.updated_at, d.expires_at from %2$s d where d.key operator(pg_catalog.=) any (keys)
                    and (d.expires_at is null or d.expires_at operator(pg_catalog.>) pg_catalog.statement_timestamp()); $f$, c.name, c.source);
        many_branches := many_branches || format($f$
            elsif collection operator(pg_catalog.=) %1$L then
                if as_of is null then
                    return query select d.key, d.doc from %2$s d where d.key operator(pg_catalog.=) any (keys)
                        and (d.expires_at is null or d.expires_at operator(pg_catalog.>) pg_catalog.statement_timestamp());
                else
                    return query select d.key, d.doc from (select distinct k from pg_catalog.unnest(keys) k) k, lateral docs.%3$I(k.k, as_of) d;
                end if; $f$, c.name, c.source, howdah.part_name(c.name, '_as_of'));
        put_branches := put_branches || format($f$
            elsif collection operator(pg_catalog.=) %1$L then return howdah_docs.put_%2$s(key, doc, valid_from, if_version, expires_at, known_at); $f$, c.name, c.number);
    end loop;
    execute format($f$
        create or replace function howdah.get(collection text, key text, as_of timestamptz default null) returns jsonb
        language plpgsql stable set enable_seqscan = off as $q$
        #variable_conflict use_variable
        %1$s $q$;
        create or replace function howdah.get_many(collection text, keys text[], as_of timestamptz default null) returns table (key text, doc jsonb)
        language plpgsql stable rows 100 set enable_seqscan = off as $q$
        %2$s $q$;
        create or replace function howdah.get_document(collection text, key text, out doc jsonb, out version bigint, out valid_from timestamptz,
                out known_at timestamptz, out expires_at timestamptz)
        language plpgsql stable set enable_seqscan = off as $q$
        %4$s $q$;
        create or replace function howdah.get_documents(collection text, keys text[])
        returns table (key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
        language plpgsql stable rows 100 set enable_seqscan = off as $q$
        %5$s $q$;
        create or replace function howdah.put(collection text, key text, doc jsonb, valid_from timestamptz default null,
                if_version bigint default null, expires_at timestamptz default null, known_at timestamptz default null) returns bigint
        language plpgsql volatile as $q$
        %3$s $q$ $f$, format(body, get_branches, 'return null;'), format(body, many_branches, ''),
        format(body, put_branches, 'return null;'), format(body, doc_branches, ''), format(body, docs_branches, ''));
end $$;
revoke execute on function howdah.install_dispatch() from public;
