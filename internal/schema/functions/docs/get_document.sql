-- howdah.get_document: the newest version of a document with its version and times, as howdah.get finds it; nulls where there is none.
-- With the caller's rights: SELECT on docs.<collection>. Primary key. howdah.install_dispatch puts the collections in.
create or replace function howdah.get_document(collection text, key text, out doc jsonb, out version bigint, out valid_from timestamptz,
        out known_at timestamptz, out expires_at timestamptz)
language plpgsql stable as $$
begin
    perform howdah.need_collection(collection);
end $$;
