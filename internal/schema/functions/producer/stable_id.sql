-- howdah.stable_id: the highest id of a topic below which nothing can appear any more. Remember it in one statement and
-- read rows up to it in the NEXT one: "where id <= howdah.stable_id(...)" in one statement loses events, because the
-- statement's snapshot is older than the answer. It may go back. Raises on a standby. Needs SELECT or INSERT on the topic.
create or replace function howdah.stable_id(topic text) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    t howdah.topic := howdah.find_topic(topic);
begin
    if not has_table_privilege(howdah.caller(), t.source, 'INSERT') then
        perform howdah.need('SELECT', t.source);
    end if;
    return (select stable from howdah.stable(t));
end $$;
