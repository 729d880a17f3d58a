-- howdah.refuse_id: the guard's answer to an id that consumers may already have passed, or to a time of arrival that the producer
-- made up: windows rely on it.
create or replace function howdah.refuse_id() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    mark bigint := nullif(current_setting('howdah.m' || tg_argv[1], true), '');
begin
    if (to_jsonb(new) ->> tg_argv[0])::bigint > mark then
        raise exception 'received_at is % in an INSERT into %', to_jsonb(new) ->> 'received_at', tg_relid::regclass
            using errcode = 'HW003', detail = 'It is when the event arrived, and the database''s to say.',
                  hint = 'Leave the column out of the INSERT or COPY; when the event happened is event_time.';
    end if;
    raise exception 'id % was not drawn by this INSERT into %', to_jsonb(new) ->> tg_argv[0], tg_relid::regclass
        using errcode = 'HW003',
              detail = 'Ids must come from the column''s default, in the transaction that inserts, through the topic''s own table: consumers rely on their order.',
              hint = 'Leave the id column out of the INSERT or COPY and read it with RETURNING; do not draw ids beforehand, insert into a segment, or load with replication.';
end $$;
