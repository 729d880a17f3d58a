-- howdah.bits_of: the bit string of a claim on some ids: one bit for each id from first to last, 0 for a member.
create or replace function howdah.bits_of(ids bigint[], first bigint, last bigint) returns bit varying
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
    b  bit varying := repeat('1', (last - first + 1)::int)::bit varying;
    id bigint;
begin
    foreach id in array ids loop
        b := set_bit(b, (id - first)::int, 0);
    end loop;
    return b;
end $$;
