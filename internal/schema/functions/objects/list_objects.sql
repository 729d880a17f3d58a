-- howdah.list_objects: a page of a bucket in the order of the keys' bytes: objects, and with a delimiter what they have in common up to
-- it, each once. after: the key, or the common prefix, where the last page ended. Index: object_latest; common prefixes are skipped, not read.
create or replace function howdah.list_objects(bucket text, prefix text default '', after text default '', delimiter text default '', max_keys int default 1000)
    returns table (key text, info jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b    howdah.bucket := howdah.need_bucket(bucket, 'SELECT');
    o    howdah.object;
    here text collate "C" := prefix;
    over boolean := false;                                  -- the next key is above here, not at it
    n    int := 0;
    cut  int;
begin
    cut := case when delimiter = '' or not starts_with(after, prefix) then 0 else position(delimiter in substr(after, length(prefix) + 1)) end;
    if cut > 0 and cut = length(after) - length(prefix) - length(delimiter) + 1 then
        here := howdah.after_prefix(after);                 -- a common prefix, with all that is below it
    elsif after <> '' and after collate "C" >= here then
        here := after;
        over := true;
    end if;
    <<pages>>
    while n < max_keys loop
        for o in select * from howdah.object x where x.bucket = b.number and x.latest and (x.key > here or x.key = here and not over) and x.key >= here
                order by x.key limit max_keys - n + 1 loop
            exit pages when not starts_with(o.key, prefix);
            here := o.key;
            over := true;
            continue when o.marker;
            cut := case when delimiter = '' then 0 else position(delimiter in substr(o.key, length(prefix) + 1)) end;
            if cut > 0 then
                key := left(o.key, length(prefix) + cut - 1 + length(delimiter));
                info := null;
                n := n + 1;
                return next;
                here := howdah.after_prefix(key);
                over := false;
                continue pages;
            end if;
            key := o.key;
            info := howdah.object_info(o, b);
            n := n + 1;
            return next;
            exit pages when n >= max_keys;
        end loop;
        exit when not found;
    end loop;
end $$;
