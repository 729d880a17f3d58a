-- howdah.put: stores a document under its key and returns its version. valid_from: since when it is true; from now on where it is
-- null, and a time before the newest version's adds to the history what became known late. if_version: only if that is its version
-- now, 0: only if there is none; else error HW005. known_at: only in a collection whose times are given.
-- With the caller's rights: INSERT, UPDATE and SELECT on docs.<collection>. Locks the document's row; primary key.
-- howdah.install_dispatch puts the collections in.
create or replace function howdah.put(collection text, key text, doc jsonb, valid_from timestamptz default null,
        if_version bigint default null, expires_at timestamptz default null, known_at timestamptz default null) returns bigint
language plpgsql volatile as $$
begin
    perform howdah.need_collection(collection);
    return null;
end $$;
