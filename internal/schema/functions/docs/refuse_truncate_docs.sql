-- howdah.refuse_truncate_docs: TRUNCATE would take documents away without a trace in their history.
create or replace function howdah.refuse_truncate_docs() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'TRUNCATE of collection % is refused', tg_relid::regclass
        using errcode = 'object_in_use', hint = 'DELETE keeps the history; howdah.drop_collection drops the documents with it.';
end $$;
