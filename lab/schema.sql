-- The tables of the lab. Purpose: what the pipelines make of the events, the registry, and what is measured. Run as a
-- whole where this file is not the one that was run last; everything is created only where it is missing. Times are
-- scenario time, except columns that say system. Locks: those of create table, create index and alter table; indexes: as
-- named.

create schema if not exists lab;

-- What this database plays, and how far. One row, locked by whoever publishes.
create table if not exists lab.settings (
    one           boolean primary key default true check (one), -- one row
    scenario      text not null,
    version       int not null,
    seed          text not null,
    config        text not null default '',
    clock         jsonb not null,
    position      jsonb not null default '{"day": 0, "index": 0}',
    arrived_until timestamptz not null,
    ids           jsonb not null default '{}',
    injected      jsonb not null default '[]',
    created_at    timestamptz not null default now()
);

-- One row for each transaction of the producer: everything that arrives before arrived_until has been published, and
-- these are the last ids of each topic.
create table if not exists lab.batches (
    arrived_until timestamptz primary key,
    ids           jsonb not null,
    events        int not null,
    system_at     timestamptz not null default clock_timestamp()
);

-- Facts that somebody checks because a model scored them high, where the scenario has that, and the labels that come of it.
create table if not exists lab.investigations (
    event_id   uuid primary key, -- of the label
    fact_id    text not null,
    checked_at timestamptz not null,
    arrives_at timestamptz not null,
    event      jsonb not null
);
create index if not exists investigations_arrives_at on lab.investigations (arrives_at);

-- How far a pipeline is: written in the transaction of its effects.
create table if not exists lab.progress (
    pipeline   text primary key,
    through_id bigint not null,
    out_id     bigint not null default 0,
    known_at   timestamptz,
    events     bigint not null default 0,
    system_at  timestamptz not null default now()
);

-- The processes that work in the lab, with their last sign of life; all system time.
create table if not exists lab.runners (
    id      text primary key,
    host    text not null,
    pid     int not null,
    what    text not null,
    since   timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp()
);

-- Clean facts. occurred_at: when it is true; known_at: when it arrived.
create table if not exists lab.facts (
    event_id    uuid primary key,
    fact_id     text not null,
    occurred_at timestamptz not null,
    known_at    timestamptz not null,
    key1        text,
    key2        text,
    doc         jsonb not null,
    converted   boolean not null,
    source_id   bigint not null
);
create unique index if not exists facts_source_id on lab.facts (source_id);
create unique index if not exists facts_fact_id on lab.facts (fact_id);
create index if not exists facts_key1 on lab.facts (key1, occurred_at);
-- With all that a prediction wants of the facts at a second key, of which a busy one has thousands.
create index if not exists facts_at_key2 on lab.facts (key2, occurred_at) include (known_at, key1);
create index if not exists facts_occurred_at on lab.facts (occurred_at);

create table if not exists lab.quarantine (
    topic     text not null,
    source_id bigint not null,
    event_id  uuid,
    known_at  timestamptz not null,
    rule      text not null,
    detail    text not null,
    payload   bytea not null,
    primary key (topic, source_id)
);

create index if not exists quarantine_event_id on lab.quarantine (event_id);

-- Second deliveries of an event, dropped.
create table if not exists lab.duplicates (
    topic     text not null,
    source_id bigint not null,
    event_id  uuid not null,
    known_at  timestamptz not null,
    primary key (topic, source_id)
);

create table if not exists lab.labels (
    label_id    text primary key,
    fact_id     text not null,
    value       float8 not null,
    source      text not null,
    supersedes  text,
    reported_at timestamptz not null,
    known_at    timestamptz not null,
    source_id   bigint not null
);
create index if not exists labels_fact_id on lab.labels (fact_id, known_at);
create index if not exists labels_source_id on lab.labels (source_id);
-- The second key of the fact, so that a prediction need not look for labels of every fact there; null while the fact has
-- not been seen, and for readers to look for.
alter table lab.labels add column if not exists key2 text;
create index if not exists labels_key2 on lab.labels (key2);
create index if not exists labels_unplaced on lab.labels (fact_id) where key2 is null;
update lab.labels l set key2 = coalesce(f.key2, '') from lab.facts f where f.fact_id = l.fact_id and l.key2 is null;

-- What was said about reference data, with both times of the scenario. The collections in docs hold the same for
-- everybody who asks by key.
create table if not exists lab.profiles (
    collection text not null,
    key        text not null,
    valid_from timestamptz not null,
    known_at   timestamptz not null,
    doc        jsonb not null,
    source_id  bigint not null,
    primary key (collection, key, valid_from, known_at)
);
create index if not exists profiles_source_id on lab.profiles (collection, source_id);

create table if not exists lab.features (
    view        text not null,
    fact_id     text not null,
    occurred_at timestamptz not null,
    known_at    timestamptz not null,
    numbers     float8[] not null,
    categories  text[] not null,
    primary key (view, fact_id)
);
create index if not exists features_occurred_at on lab.features (view, occurred_at);

create table if not exists lab.datasets (
    dataset    int generated by default as identity primary key,
    as_of      timestamptz not null,
    sha256     text not null,
    rows       int not null,
    positives  int not null,
    manifest   jsonb not null,
    statistics jsonb not null,
    object     text not null,
    system_at  timestamptz not null default now()
);

create table if not exists lab.versions (
    model        text not null,
    version      int not null,
    kind         text not null,
    feature_view text not null,
    dataset      int references lab.datasets,
    created_at   timestamptz not null,
    triggers     text[] not null default '{}',
    metrics      jsonb not null default '{}',
    gate         jsonb not null default '{}',
    tags         jsonb not null default '{}',
    signature    jsonb not null default '{}',
    code_version text not null default '',
    artefact     text,
    threshold    float8,
    system_at    timestamptz not null default now(),
    primary key (model, version)
);

-- Which version an alias meant from … until. Only shadow may mean several versions at a time.
create table if not exists lab.aliases (
    id         bigint generated by default as identity primary key,
    model      text not null,
    alias      text not null check (alias in ('champion', 'challenger', 'shadow', 'canary')),
    version    int not null,
    share      float8,
    from_time  timestamptz not null,
    until_time timestamptz,
    moved_by   text not null,
    reason     text not null,
    system_at  timestamptz not null default now(),
    foreign key (model, version) references lab.versions
);
create unique index if not exists aliases_one on lab.aliases (model, alias) where until_time is null and alias <> 'shadow';
create unique index if not exists aliases_shadow on lab.aliases (model, version) where until_time is null and alias = 'shadow';

-- The stage that other registries have: derived, never stored.
create or replace view lab.stages as
    select v.model, v.version,
        case
            when bool_or(a.alias = 'champion' and a.until_time is null) then 'production'
            when bool_or(a.alias = 'champion') then 'retired'
            else 'testing'
        end as deployment_stage
    from lab.versions v left join lab.aliases a on a.model = v.model and a.version = v.version
    group by v.model, v.version;

create table if not exists lab.predictions (
    prediction_id text primary key,
    fact_id       text not null,
    model         text not null,
    version       int not null,
    role          text not null,
    acted         boolean not null,
    score         float8 not null,
    threshold     float8 not null,
    decision      boolean not null,
    occurred_at   timestamptz not null,
    known_at      timestamptz not null,
    latency_us    int not null,
    served        boolean not null default false, -- asked for by a client, not by an event
    system_at     timestamptz not null default now()
);
create index if not exists predictions_occurred_at on lab.predictions (occurred_at);
create index if not exists predictions_fact_id on lab.predictions (fact_id);
create index if not exists predictions_served on lab.predictions (system_at) where served;

create table if not exists lab.evaluations (
    model        text not null,
    version      int not null,
    labels       text not null check (labels in ('matured', 'provisional')),
    window_from  timestamptz not null,
    window_until timestamptz not null,
    as_of        timestamptz not null,
    role         text not null,
    n            int not null,
    positives    int not null,
    auc          float8,
    auc_low      float8,
    auc_high     float8,
    metrics      jsonb not null,
    primary key (model, version, labels, as_of)
);

create table if not exists lab.drift (
    as_of        timestamptz not null,
    model        text not null,
    version      int not null,
    feature      text not null,
    psi          float8,
    noise_floor  float8,
    ks           float8,
    js           float8,
    null_rate    float8,
    rows         int not null,
    primary key (as_of, model, version, feature)
);

create table if not exists lab.alerts (
    name         text not null,
    subject      text not null,
    severity     text not null,
    expression   text not null,
    state        text not null check (state in ('pending', 'firing', 'resolved')),
    value        float8,
    since        timestamptz not null,
    fired_at     timestamptz,
    resolved_at  timestamptz,
    window_from  timestamptz,
    window_until timestamptz,
    detail       text not null default '',
    primary key (name, subject, since)
);
alter table lab.alerts add column if not exists system_since timestamptz not null default clock_timestamp();

create index if not exists alerts_open on lab.alerts (name, subject) where state <> 'resolved';

create table if not exists lab.runs (
    as_of     timestamptz primary key,
    triggers  text[] not null,
    outcome   text not null,
    detail    jsonb not null default '{}',
    system_at timestamptz not null default now()
);
