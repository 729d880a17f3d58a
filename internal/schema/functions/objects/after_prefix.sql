-- howdah.after_prefix: the least text, in the order of bytes, above all that begin with a prefix. No locks, no tables.
create or replace function howdah.after_prefix(prefix text) returns text
language plpgsql immutable as $$
declare
    last int := ascii(right(prefix, 1));
begin
    while last = 1114111 loop
        prefix := left(prefix, -1);
        last := ascii(right(prefix, 1));
    end loop;
    return left(prefix, -1) || chr(case when last = 55295 then 57344 else last + 1 end);
end $$;
revoke execute on function howdah.after_prefix(text) from public;
