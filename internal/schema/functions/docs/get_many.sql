-- howdah.get_many: the documents of many keys in one look, as howdah.get finds each. A key without a document has no row, and one that is
-- asked for twice has one. With the caller's rights: SELECT on docs.<collection>. Primary key, or the history's.
-- howdah.install_dispatch puts the collections in.
create or replace function howdah.get_many(collection text, keys text[], as_of timestamptz default null) returns table (key text, doc jsonb)
language plpgsql stable rows 100 as $$
begin
    perform howdah.need_collection(collection);
end $$;
