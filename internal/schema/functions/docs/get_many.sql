-- howdah.get_many: the documents of many keys in one look, as howdah.get finds each. A key without a document has no row.
-- With the caller's rights: SELECT on docs.<collection>. Primary key, or the history's.
create or replace function howdah.get_many(collection text, keys text[], as_of timestamptz default null) returns table (key text, doc jsonb)
language plpgsql stable rows 100 set search_path = pg_catalog, pg_temp as $$
begin
    return query select d.key, d.doc from howdah.read_documents(collection, keys, as_of) d;
end $$;
