-- howdah.list_versions: a page of the versions of a bucket's objects, deletions among them, by key and newest first; with a delimiter
-- common prefixes as in howdah.list_objects. after_key and after_version: where the last page ended. Index: the primary key.
create or replace function howdah.list_versions(bucket text, prefix text default '', after_key text default '', after_version text default null,
    delimiter text default '', max_keys int default 1000) returns table (key text, info jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_sort = off set enable_bitmapscan = off as $$
#variable_conflict use_variable
declare
    b    howdah.bucket := howdah.need_bucket(bucket, 'SELECT');
    o    howdah.object;
    here text collate "C" := prefix;                        -- go on at this key,
    mark bigint;                                            -- with versions below this one; null: with all of them
    n    int := 0;
    cut  int := case when delimiter = '' or not starts_with(after_key, prefix) then 0 else position(delimiter in substr(after_key, length(prefix) + 1)) end;
begin
    if cut > 0 and cut = length(after_key) - length(prefix) - length(delimiter) + 1 and after_version is null then
        here := howdah.after_prefix(after_key);
    elsif after_key <> '' and after_key collate "C" >= here then
        here := after_key;
        mark := case when after_version is null then 0
            when after_version = 'null' then (select x.version from howdah.object x where x.bucket = b.number and x.key = after_key and x.unversioned)
            else howdah.version_number(after_version) end;
    end if;
    <<pages>>
    while n < max_keys loop
        for o in select * from howdah.object x where x.bucket = b.number and x.key >= here and (x.key > here or mark is null or x.version < mark)
                order by x.key, x.version desc limit max_keys - n + 1 loop
            exit pages when not starts_with(o.key, prefix);
            cut := case when delimiter = '' then 0 else position(delimiter in substr(o.key, length(prefix) + 1)) end;
            if cut > 0 then
                key := left(o.key, length(prefix) + cut - 1 + length(delimiter));
                info := null;
                n := n + 1;
                return next;
                here := howdah.after_prefix(key);
                mark := null;
                continue pages;
            end if;
            here := o.key;
            mark := o.version;
            key := o.key;
            info := howdah.object_info(o, b);
            n := n + 1;
            return next;
            exit pages when n >= max_keys;
        end loop;
        exit when not found;
    end loop;
end $$;
