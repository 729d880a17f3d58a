-- howdah.take_mended: the version that the trigger of INSERT gave a document whose key has been there before, for howdah.put.
create or replace function howdah.take_mended(collection text, key text, version bigint) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    v text := split_part(current_setting('howdah.mended', true), ' ', 2);
begin
    if current_setting('howdah.mended', true) = format('%s %s %s', collection, v, key) then
        perform set_config('howdah.mended', '', true);
        return v::bigint;
    end if;
    return version;
end $$;
