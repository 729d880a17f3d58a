-- howdah.expire_documents: deletes what has expired, at most max_rows of each collection; upkeep calls it. Nothing waits for it: expired
-- documents are not found any more, and their history ends at expires_at. Locks rows, skips locked ones; the index on expires_at.
create or replace function howdah.expire_documents(max_rows int default 10000) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
declare
    c howdah.collection;
begin
    for c in select * from howdah.collection x where howdah.is_there(x.source) and howdah.is_there(x.history) loop
        execute format('with gone as materialized (select key from %1$s where expires_at <= statement_timestamp() order by expires_at limit $1 for update skip locked)
            delete from %1$s d using gone where d.key = gone.key', c.source) using max_rows;
    end loop;
end $$;
revoke execute on function howdah.expire_documents(int) from public;
