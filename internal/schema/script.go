package schema

import (
	"fmt"
	"strconv"
)

// begin makes the bookkeeping, under the catalogue's lock.
var begin = `set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
select pg_catalog.pg_advisory_xact_lock(` + strconv.Itoa(lockClass) + `, 0);
create schema if not exists howdah;
create table if not exists howdah.migration (
    number int primary key,
    name   text not null,
    at     timestamptz not null default now()
);
create table if not exists howdah.installed (
    one  boolean primary key default true check (one),
    hash text not null,
    functions text[] not null,
    views text[] not null,
    at   timestamptz not null default now()
);
`

func remember(m migration) string {
	return fmt.Sprintf("insert into howdah.migration (number, name) values (%d, '%s')", m.number, m.name)
}

// prepareObjects drops the views of the last installation and remembers its functions. Function bodies are checked when
// they run, so that the files need no order.
const prepareObjects = `set local check_function_bodies = off;
do $do$
declare
    v text;
begin
    for v in select pg_catalog.unnest(views) from howdah.installed loop
        execute 'drop view if exists ' || v;
    end loop;
end $do$;
create temporary table howdah_before on commit drop as
    select p.oid, p.oid::pg_catalog.regprocedure::pg_catalog.text as name, p.xmin as version
    from pg_catalog.pg_proc p where p.pronamespace = 'howdah'::pg_catalog.regnamespace
      and p.oid::pg_catalog.regprocedure::pg_catalog.text = any (coalesce((select functions from howdah.installed), '{}'));
`

// finishObjects drops the functions of the last installation that this one did not touch, records this one, and renews
// what is generated for each topic.
func finishObjects(hash string) string {
	return fmt.Sprintf(`do $do$
declare
    f text;
begin
    for f in select b.name from pg_temp.howdah_before b join pg_catalog.pg_proc p on p.oid = b.oid where p.xmin = b.version loop
        execute 'drop function ' || f;
    end loop;
end $do$;
insert into howdah.installed (hash, functions, views)
    select '%s',
           (select pg_catalog.array_agg(p.oid::pg_catalog.regprocedure::pg_catalog.text) from pg_catalog.pg_proc p
            where p.pronamespace = 'howdah'::pg_catalog.regnamespace and p.proname !~ '_[0-9]+$'),
           (select pg_catalog.array_agg(c.oid::pg_catalog.regclass::pg_catalog.text) from pg_catalog.pg_class c
            where c.relnamespace = 'howdah'::pg_catalog.regnamespace and c.relkind = 'v' and c.relname !~ '_[0-9]+$')
    on conflict (one) do update set hash = excluded.hash, functions = excluded.functions, views = excluded.views, at = now();
select howdah.reinstall_topics();
`, hash)
}
