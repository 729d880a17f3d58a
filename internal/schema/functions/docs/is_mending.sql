-- howdah.is_mending: whether a trigger of Howdah is correcting rows of a collection in this transaction right now. Asked only where
-- the setting howdah.mending says so, which anybody can set; the row in howdah.mending cannot be forged.
create or replace function howdah.is_mending(collection int) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select exists (select from howdah.mending m where m.collection = is_mending.collection and m.xid = pg_current_xact_id())
$$;
revoke execute on function howdah.is_mending(int) from public;
