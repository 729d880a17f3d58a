-- howdah.owners_of_piece: which objects a piece belongs to, in words; it reads all objects. For the owner.
create or replace function howdah.owners_of_piece(piece bigint) returns text
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
begin
    perform howdah.need_owner('check all objects');
    return coalesce((select string_agg(format('%s/%s', b.name, o.key), ', ') from (
        select x.bucket, x.key from howdah.object x where x.pieces @> array[piece] limit 10) o join howdah.bucket b on b.number = o.bucket), 'an upload');
end $$;
