-- What every upgrade begins with, inside its transaction: whether it may happen at all, the lock that one upgrade at a
-- time holds, and the bookkeeping. howdah.target, a setting of this transaction, is the version that it leads to.
set local client_min_messages = warning;
set local search_path = pg_catalog, pg_temp;
set local check_function_bodies = off;      -- bodies are checked when they run, so that the files need no order
set local lock_timeout = '10s';             -- for the upgrade lock, which changes of the catalogue (topics, consumers, collections, buckets) wait for too

do $do$
declare
    major  int := current_setting('server_version_num')::int / 10000;
    target int := current_setting('howdah.target')::int;
    have   int := 0;
    caller text := quote_ident(current_user);
    owner  oid := (select nspowner from pg_namespace where nspname = 'howdah');
    taken  record;
begin
    if major not between 14 and 18 then
        raise exception 'PostgreSQL % is not supported', major
            using errcode = '0A000', hint = 'Howdah runs on PostgreSQL 14 to 18.';
    end if;
    if getdatabaseencoding() <> 'UTF8' then
        raise exception 'database % has the encoding %, not UTF8', quote_ident(current_database()), getdatabaseencoding()
            using errcode = '0A000', hint = 'Events and documents are UTF-8. Use a database made with: create database … encoding ''UTF8'' template template0;';
    end if;
    if pg_is_in_recovery() then
        raise exception 'this server is a standby' using errcode = '25006', hint = 'Migrate on the primary.';
    end if;
    if owner is not null and not pg_has_role(owner, 'member') then
        raise exception 'schema howdah belongs to role %, and role % may not upgrade it', owner::regrole, caller
            using errcode = '42501', hint = format('Connect as %1$s, or let it say: grant %1$s to %2$s;', owner::regrole, caller);
    end if;
    -- Everything keeps one owner, whoever upgrades: SECURITY DEFINER functions act as it.
    if owner <> (select oid from pg_roles where rolname = current_user) then
        execute 'set local role ' || owner::regrole;
    end if;
    if to_regclass('howdah.migration') is not null then
        execute 'select coalesce(max(number), 0) from howdah.migration' into have;
    end if;
    if have > target then
        raise exception 'the database has schema version %, this program knows %', have, target
            using errcode = 'HW004', hint = 'Use the howdah that migrated it, or a newer one.';
    end if;
    if owner is null then
        select n.nspname, n.nspowner::regrole as owner into taken from pg_namespace n
            where n.nspname in ('events', 'docs', 'docs_history', 'howdah_docs', 'howdah_segments') and not pg_has_role(n.nspowner, 'usage') limit 1;
        if found then
            raise exception 'schema % belongs to role %', taken.nspname, taken.owner
                using errcode = '42501', hint = format('Topics and collections are tables of this schema. Use another database, or let its owner say: alter schema %I owner to %I;',
                                                       taken.nspname, current_user);
        end if;
    end if;
    if have < target and not has_database_privilege(current_database(), 'create') then
        raise exception 'role % may not create schemas in database %', quote_ident(current_user), quote_ident(current_database())
            using errcode = '42501',
                  hint = format('The owner of the database may say: grant create on database %I to %I;', current_database(), current_user);
    end if;
end $do$;

select pg_advisory_xact_lock(1213159168, 0);

-- From here on a wait would make others wait behind it. It stays below deadlock_timeout, so that in a deadlock with
-- a producer it is the upgrade that gives way; it can be tried again.
set local lock_timeout = '900ms';

do $do$
begin
    if to_regnamespace('howdah') is null then
        create schema howdah;
    end if;
end $do$;
create table if not exists howdah.migration (
    number int primary key,
    name   text not null,
    at     timestamptz not null default now()
);
create table if not exists howdah.installed (
    one       boolean primary key default true check (one),
    hash      text not null,
    functions text[] not null,
    views     text[] not null,
    at        timestamptz not null default now()
);
grant select on howdah.migration, howdah.installed to public;
