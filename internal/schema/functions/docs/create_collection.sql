-- howdah.create_collection: makes docs.<collection>, its history, and the functions docs.<collection>_as_of and _valid_at.
-- known_at 'clock': when a version became known is always the server's clock. 'given': a put may state it, for collections
-- that are filled from a source with a clock of its own. changes: a topic, made where it is missing, that every change is
-- published to. The same again is no error; another shape under the name is.
-- Locks: one advisory lock for all changes of the catalogue, to the end of the transaction.
create or replace function howdah.create_collection(collection text, changes text default null, known_at text default 'clock') returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    c   howdah.collection;
    t   howdah.topic;
    n   int;
    tab text;
    old text;
begin
    perform howdah.check_name('collection', collection);
    perform howdah.need_owner('create collections');
    if known_at is null or known_at not in ('clock', 'given') then
        raise exception 'known_at is %, not clock or given', coalesce(quote_literal(known_at), 'null')
            using errcode = 'invalid_parameter_value',
                  hint = 'clock is what you want, unless the documents come from a source with a clock of its own.';
    end if;
    perform pg_advisory_xact_lock(1213159168, 0);
    select * into c from howdah.collection x where x.name = collection;
    if c.number is not null then
        select x.name into old from howdah.topic x where x.number = c.changes;
        if c.given <> (known_at = 'given') or old is distinct from changes then
            raise exception 'collection % exists, and differs: known_at %, changes %', quote_literal(collection),
                    case when c.given then 'given' else 'clock' end, coalesce(quote_literal(old), 'null')
                using errcode = 'duplicate_object',
                      hint = 'Use it as it is, change the topic with howdah.publish_changes, or take another name.';
        end if;
        return;
    end if;
    tab := format('docs.%I', collection);
    if to_regclass(tab) is not null then
        raise exception 'table % exists and is not a collection', tab
            using errcode = 'duplicate_table', hint = 'Take another name, or rename the table.';
    end if;
    execute format('create table %s (
            key        text collate "C" constraint %I primary key constraint key_has_1_to_1024_bytes check (octet_length(key) between 1 and 1024),
            doc        jsonb not null constraint doc_is_a_json_object check (jsonb_typeof(doc) = ''object''),
            version    bigint not null default 1,
            valid_from timestamptz not null default statement_timestamp(),
            updated_at timestamptz not null default statement_timestamp(),
            expires_at timestamptz)', tab, howdah.part_name(collection, ' key'));
    execute format('create index %I on %s (expires_at) where expires_at is not null', howdah.part_name(collection, ' expiry'), tab);
    insert into howdah.collection (name, source, history, given) values (collection, tab::regclass, tab::regclass, known_at = 'given')
        returning number into n;
    execute format('create table howdah_docs.history_%1$s (
            key        text collate "C" not null,
            valid_from timestamptz not null,
            known_at   timestamptz not null,
            version    bigint not null,
            expires_at timestamptz,
            doc        jsonb,
            primary key (key, valid_from, known_at))', n);
    update howdah.collection x set history = format('howdah_docs.history_%s', n)::regclass where x.number = n;
    perform howdah.install_collection(n);
    perform howdah.install_dispatch();
    if changes is not null then
        perform howdah.publish_changes(collection, changes);
    end if;
end $$;
