-- howdah.get: a document, or null where there is none: the newest version, or with as_of what was known at that time of what was
-- true at that time. With the caller's rights: SELECT on docs.<collection>. Primary key, or the history's.
-- howdah.install_dispatch puts the collections in.
create or replace function howdah.get(collection text, key text, as_of timestamptz default null) returns jsonb
language plpgsql stable as $$
begin
    perform howdah.need_collection(collection);
    return null;
end $$;
