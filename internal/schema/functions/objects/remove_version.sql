-- howdah.remove_version: removes a version of an object, whose row the caller has locked, and lets go of its bytes.
create or replace function howdah.remove_version(o howdah.object, b howdah.bucket) returns void
language plpgsql as $$
begin
    delete from howdah.object x where x.bucket = o.bucket and x.key = o.key and x.version = o.version;
    perform howdah.drop_pieces(o.pieces, howdah.is_small(o.size, o.pieces));
    if b.quota is not null and o.size > 0 then
        update howdah.bucket x set used = x.used - o.size where x.number = b.number;
    end if;
end $$;
revoke execute on function howdah.remove_version(howdah.object, howdah.bucket) from public;
