-- Documents: collections and their history.
--
-- docs.<collection> holds the newest version of each document. Every version, deletions included, is a row of
-- howdah_docs.history_<number>, written by triggers, so that plain SQL keeps history too. Schema docs_history has a view
-- of it for each collection, under the collection's name, that whoever may read the collection may read.

create schema if not exists docs;
create schema if not exists docs_history;
create schema if not exists howdah_docs;

create table howdah.collection (
    number     int generated always as identity primary key,
    name       text not null unique,
    source     regclass not null unique,
    history    regclass not null unique,
    given      boolean not null default false,               -- known_at may be given, and is not only the clock's
    changes    int references howdah.topic (number),         -- the topic that every change is published to
    created_at timestamptz not null default now()
);

-- While a trigger corrects what an INSERT left in docs.<collection>, a row here tells the triggers that the change is
-- theirs. Only the owner can write it; it is gone before the statement ends.
create table howdah.mending (
    xid        xid8 not null,
    collection int not null
);

revoke all on schema docs, docs_history, howdah_docs from public;
grant usage on schema docs, docs_history, howdah_docs to public;
