-- howdah.need_collection: refuses the name of what is no collection, for functions that run with the caller's rights. It tells
-- names only. Looks the table up in the catalogue's cache; howdah.collection is read for the error alone.
create or replace function howdah.need_collection(collection text) returns void
language plpgsql stable security definer as $$
begin
    if collection is null or pg_catalog.to_regclass(pg_catalog.format('docs.%I', collection)) is null then
        perform howdah.find_collection(collection);
    end if;
end $$;
