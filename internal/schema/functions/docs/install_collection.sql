-- howdah.install_collection: generates what belongs to one collection: the triggers' functions, the view of its history and
-- the functions over it. The triggers are put on the table where they are missing.
--
-- The history keeps a rule: the row of a key with the greatest valid_from (and then known_at) is also the one with the
-- greatest known_at and version. So a version that became known late, which is below the newest one, is followed by a row
-- that states the newest one again; one look at the upper end of the primary key tells a key's last version and known_at.
-- Locks: SHARE ROW EXCLUSIVE on the table where a trigger is missing.
create or replace function howdah.install_collection(number int) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c howdah.collection;
begin
    select * into strict c from howdah.collection x where x.number = install_collection.number;
    perform howdah.install_change(c);
    perform howdah.install_insert(c);
    perform howdah.install_as_of(c);
    perform howdah.install_put(c);
    if not exists (select from pg_trigger where tgrelid = c.source and tgname = 'howdah_change') then
        execute format($f$
            create trigger howdah_change before update on %1$s for each row execute function howdah_docs.change_%2$s();
            create trigger howdah_insert after insert on %1$s referencing new table as new_rows
                for each statement execute function howdah_docs.insert_%2$s();
            create trigger howdah_update after update on %1$s referencing new table as new_rows
                for each statement execute function howdah_docs.update_%2$s();
            create trigger howdah_delete after delete on %1$s referencing old table as old_rows
                for each statement execute function howdah_docs.delete_%2$s();
            create trigger howdah_truncate before truncate on %1$s for each statement execute function howdah.refuse_truncate_docs();
            alter table %1$s enable always trigger howdah_change;
            alter table %1$s enable always trigger howdah_insert;
            alter table %1$s enable always trigger howdah_update;
            alter table %1$s enable always trigger howdah_delete;
            alter table %1$s enable always trigger howdah_truncate $f$, c.source, c.number);
    end if;
end $$;
revoke execute on function howdah.install_collection(int) from public;
