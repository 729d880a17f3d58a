-- howdah.refuse_truncate: TRUNCATE would put new events below the consumers' heads, or take away what they hold.
create or replace function howdah.refuse_truncate() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'TRUNCATE of topic table % is refused', tg_relid::regclass
        using errcode = 'object_in_use',
              hint = 'Events are never removed by hand. Give the topic a retention, or drop it with howdah.drop_topic.';
end $$;
