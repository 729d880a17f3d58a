-- The functions that install an object of the schema each, whatever was there before. They are temporary in effect:
-- finish_install drops them.

-- howdah.run_migration: runs a migration unless it has been run.
create or replace function howdah.run_migration(number int, name text, definition text) returns void
language plpgsql as $$
begin
    if not exists (select from howdah.migration m where m.number = run_migration.number) then
        execute definition;
        insert into howdah.migration (number, name) values (run_migration.number, run_migration.name);
    end if;
end $$;

-- howdah.drop_views: drops those views of the last installation that depend on a function or a view (and that view
-- itself). Views are installed after the functions and in the order of their names, so what is dropped here is still to
-- come.
create or replace function howdah.drop_views(kind regclass, target oid) returns void
language plpgsql as $$
declare
    doomed  text;
    depends text;
begin
    with recursive dependent (oid) as (
        (select target where kind = 'pg_class'::regclass
         union
         select r.ev_class from pg_depend d join pg_rewrite r on r.oid = d.objid
         where d.classid = 'pg_rewrite'::regclass and d.refclassid = kind and d.refobjid = target)
        union
        select r.ev_class from dependent v
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = v.oid and d.classid = 'pg_rewrite'::regclass
        join pg_rewrite r on r.oid = d.objid
    )
    select string_agg(v.oid::regclass::text, ', ') into doomed
    from dependent v, howdah.installed i where v.oid::regclass::text = any (i.views);
    if doomed is not null then
        execute 'drop view ' || doomed;
    end if;
exception when dependent_objects_still_exist then
    get stacked diagnostics depends = pg_exception_detail;
    raise exception 'something of yours depends on a view of Howdah that has to change' using errcode = '2BP01',
        detail = depends, hint = 'Drop it, migrate, and create it again.';
end $$;

-- howdah.drop_functions: drops functions that others replace, or that are no longer needed.
create or replace function howdah.drop_functions(doomed oid[]) returns void
language plpgsql as $$
declare
    f       regprocedure;
    depends text;
begin
    for f in select oid from pg_proc where oid = any (doomed) loop
        perform howdah.drop_views('pg_proc'::regclass, f);
        begin
            execute 'drop function ' || f;
        exception when dependent_objects_still_exist then
            get stacked diagnostics depends = pg_exception_detail;
            raise exception 'something of yours depends on function %, which has to change', f using errcode = '2BP01',
                detail = depends, hint = 'Drop it, migrate, and create it again.';
        end;
    end loop;
end $$;

-- howdah.install_function: creates or replaces the one function of that name. One with other parameters or another
-- result is dropped first, and only then: what depends on the others stays, the triggers of topics above all.
create or replace function howdah.install_function(name text, definition text) returns void
language plpgsql as $$
declare
    before oid[] := array(select oid from pg_proc where pronamespace = 'howdah'::regnamespace and proname = name);
begin
    begin
        execute definition;
    exception when invalid_function_definition then
        perform howdah.drop_functions(before);
        execute definition;
    end;
    if exists (select from pg_proc where pronamespace = 'howdah'::regnamespace and proname = name and oid <> all (before)) then
        perform howdah.drop_functions(before);
    end if;
end $$;

-- howdah.install_view: creates or replaces a view; where its columns changed, it and those after it are dropped first.
create or replace function howdah.install_view(name text, definition text) returns void
language plpgsql as $$
begin
    execute definition;
exception when duplicate_table or invalid_table_definition then
    perform howdah.drop_views('pg_class'::regclass, ('howdah.' || quote_ident(name))::regclass);
    execute definition;
end $$;

-- howdah.finish_install: drops what is gone, records what is there, and renews what is generated for each topic and collection.
create or replace function howdah.finish_install(new_hash text, new_functions text[], new_views text[]) returns void
language plpgsql as $$
declare
    gone text := (select string_agg(x, ', ') from howdah.installed i, unnest(i.views) x where x <> all (new_views));
begin
    if gone is not null then
        execute 'drop view if exists ' || gone;
    end if;
    if to_regprocedure('howdah.reinstall_topics()') is not null then
        perform howdah.reinstall_topics();
    end if;
    if to_regprocedure('howdah.reinstall_collections()') is not null then
        perform howdah.reinstall_collections();
    end if;
    perform howdah.drop_functions(array(
        select p.oid from howdah.installed i, unnest(i.functions) f join pg_proc p on f = 'howdah.' || p.proname
        where p.pronamespace = 'howdah'::regnamespace and f <> all (new_functions)));
    insert into howdah.installed as i (hash, functions, views) values (new_hash, new_functions, new_views)
        on conflict (one) do update set hash = excluded.hash, functions = excluded.functions, views = excluded.views, at = now();
    drop function howdah.run_migration, howdah.drop_views, howdah.drop_functions, howdah.install_function, howdah.install_view;
end $$;
