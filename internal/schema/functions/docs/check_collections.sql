-- howdah.check_collections: proves of every collection that it agrees with its history: each document is the newest version in it, each
-- newest version that is no deletion is a document, and known_at and version ascend together. howdah.check calls it.
-- Reads all documents and all of the history.
create or replace function howdah.check_collections() returns table (collection text, problem text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c howdah.collection;
begin
    for c in select * from howdah.collection x order by x.name loop
        if not (howdah.is_there(c.source) and howdah.is_there(c.history)) then
            return query select c.name, 'its table was dropped: howdah.drop_collection removes what is left'::text;
            continue;
        end if;
        if (select count(*) from pg_trigger g where g.tgrelid = c.source and g.tgenabled = 'A'
                and g.tgname in ('howdah_change', 'howdah_insert', 'howdah_update', 'howdah_delete', 'howdah_truncate')) <> 5 then
            return query select c.name, 'a trigger of the collection''s table is missing or disabled'::text;
        end if;
        return query execute format($q$
            with ordered as (
                select h.*, row_number() over newest as place, lead(h.known_at) over known as known_before, lead(h.version) over known as version_before
                from %s h window newest as (partition by h.key order by h.valid_from desc, h.known_at desc),
                                 known as (partition by h.key order by h.known_at desc, h.version desc, h.valid_from desc)
            ), top as (
                select * from ordered where place = 1
            )
            select $1, x.problem from (
                select format('document %%L is version %%s since %%s, and the newest in its history is %%s since %%s', d.key, d.version, d.valid_from,
                              coalesce(top.version::text, 'none'), coalesce(top.valid_from::text, 'never')) as problem
                from %s d left join top on top.key = d.key
                where (d.version, d.valid_from, d.updated_at, d.expires_at, d.doc) is distinct from (top.version, top.valid_from, top.known_at, top.expires_at, top.doc)
                union all
                select format('document %%L is missing: its history ends with version %%s', top.key, top.version)
                from top where top.doc is not null and not exists (select from %s d where d.key = top.key)
                union all
                select format('document %%L: version %%s follows version %%s in its history', o.key, o.version, coalesce(o.version_before::text, 'none'))
                from ordered o where o.version not between coalesce(o.version_before, 0) and coalesce(o.version_before, 0) + 1
                union all
                select format('document %%L: the newest version known is %%s, and the one true now is %%s', top.key, last.version, top.version)
                from top join (select key, max(version) as version from ordered group by key) last on last.key = top.key where last.version <> top.version
            ) x limit 100 $q$, c.history, c.source, c.source) using c.name;
    end loop;
end $$;
revoke execute on function howdah.check_collections() from public;
