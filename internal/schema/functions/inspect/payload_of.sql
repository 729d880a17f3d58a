-- howdah.payload_of: an event's payload, for views; null where the caller lacks SELECT or the event is gone.
create or replace function howdah.payload_of(topic int, id bigint) returns json
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    t       howdah.topic;
    payload json;
begin
    select * into t from howdah.topic x where x.number = payload_of.topic;
    if not has_table_privilege(howdah.caller(), t.source, 'SELECT') then
        return null;
    end if;
    execute 'select payload from (' || howdah.rows_query(t, null, id, id, null) || ') e' into payload using null::bigint, null::bit varying, null::int;
    return payload;
end $$;
