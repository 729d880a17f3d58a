-- howdah.json_contains: whether a JSON text contains a value, as jsonb's @> says. What jsonb cannot hold (\u0000, numbers beyond
-- numeric) contains nothing.
create or replace function howdah.json_contains(document text, part jsonb) returns boolean
language plpgsql immutable as $$
begin
    return document::jsonb @> part;
exception when others then
    return false;
end $$;
revoke execute on function howdah.json_contains(text, jsonb) from public;
