-- howdah.refuse_id: the guard's answer to an id that consumers may already have passed.
create or replace function howdah.refuse_id() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'id % was not drawn by this INSERT into %', to_jsonb(new) ->> tg_argv[0], tg_relid::regclass
        using errcode = 'HW003',
              detail = 'Ids must come from the column''s default, in the transaction that inserts, through the topic''s own table: consumers rely on their order.',
              hint = 'Leave the id column out of the INSERT or COPY and read it with RETURNING; do not draw ids beforehand, insert into a segment, or load with replication.';
end $$;
