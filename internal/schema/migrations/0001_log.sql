-- The log: topics, consumers and the state of consumers.
--
-- An event is stored once, in its topic's table. Everything here is about topics and consumers, and none of it grows
-- with the number of events: a consumer's state is a head position per lane and what it has not finished.

create schema if not exists events;
create schema if not exists howdah_segments;

-- Names are kept as regclass, not oid: a dump writes them as names and restores them.
create table howdah.topic (
    number            int generated always as identity primary key,
    name              text not null unique,
    source            regclass not null unique,
    sequence          regclass not null,
    partitions        int not null check (partitions between 1 and 1024),
    format            text not null check (format in ('json', 'bytes')),
    retention         interval,
    max_bytes         bigint check (max_bytes > 0),
    adopted           boolean not null default false,
    id_column         text not null default 'id',
    payload_column    text not null default 'payload',
    event_time_column text default 'event_time',
    event_time_zone   text,                                  -- for an adopted column without a zone
    window_column     text default 'received_at',            -- what from_time and until_time compare; null: no windows
    idle_timeout      interval not null default '5 minutes', -- for producers that sit idle in a transaction
    created_at        timestamptz not null default now()
);

-- The pieces of a topic with retention, oldest first. until_id is exclusive.
create table howdah.segment (
    topic      int not null references howdah.topic (number),
    first_id   bigint not null,
    until_id   bigint not null check (until_id > first_id),
    leaf       regclass not null,
    last_id    bigint,                                       -- where it was closed early: the last id that was drawn in it
    created_at timestamptz not null default now(),
    emptied_at timestamptz,
    primary key (topic, first_id)
);

create table howdah.consumer (
    number       int generated always as identity primary key,
    name         text not null unique,
    topic        int not null references howdah.topic (number),
    start        text not null,
    lease        interval not null check (lease > interval '0'),
    max_attempts int not null check (max_attempts >= 1),
    ordered      boolean not null,
    lanes        int not null,                               -- 1, or the topic's partitions where ordered
    paused       boolean not null default false,
    created_at   timestamptz not null default now()
);

-- claim_id = sequence << 20 | random bits: a crash can take a claim back, but its id must never return.
create sequence howdah.claim_number;

-- One row for each claim, and for each other change of a lane's state. The newest row of a lane (by claim_id) carries
-- the lane's state; it is written under the consumer's row lock. A row is updated by its own end and by nothing else
-- that claimers wait for; no index covers what an end changes, so the update is HOT.
create table howdah.claims (
    claim_id     bigint primary key,
    consumer     int not null,
    lane         int not null,
    -- the claim: rows first_id..last_id of the lane, less those whose bit is 1 (never part of it, or settled)
    first_id     bigint,
    last_id      bigint,
    bits         bit varying,
    held         int,                                        -- events not yet settled
    attempts     int,                                        -- failed attempts before this one
    claimed_at   timestamptz not null default clock_timestamp(),
    lease_until  timestamptz,
    xid          xid8,
    owner        text,
    ended_at     timestamptz,
    outcome      text,                                       -- acked, nacked, released, expired, ended by seek; skipped, lost
    -- the lane's state after this row
    head         bigint not null,                            -- the next id to hand out
    stable       bigint not null,                            -- a stable id that was seen
    open         bigint[] not null,                          -- claims that may still be open
    next_lease   timestamptz,                                -- the earliest of their leases
    look_at      int not null default 16,                    -- look at all of them when there are so many
    floor_at     timestamptz not null,                       -- pending ranges up to here have been taken
    floor_seq    bigint not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1);
create index claims_of_lane on howdah.claims (consumer, lane, claim_id);

-- Extensions are rows of their own, so that they never meet a worker's uncommitted ack.
create table howdah.extension (
    claim_id bigint not null,
    until    timestamptz not null,
    primary key (claim_id, until)
);

-- Ranges to be delivered again. A nack inserts with queue_at null; the next claimer of the lane, under the consumer's
-- lock, gives it a place above the floor. So the floor never passes a row that is not visible yet.
create table howdah.pending (
    seq         bigint generated always as identity primary key,
    consumer    int not null,
    lane        int not null,
    claim_id    bigint,
    queue_at    timestamptz,
    due         timestamptz not null,
    first_id    bigint not null,
    last_id     bigint not null,
    bits        bit varying,
    events      bigint not null,                             -- how many; an upper bound for ranges never handed out
    attempts    int not null,
    batch_limit int,                                         -- a lost batch comes back in smaller ones
    error       text
);
create index pending_queue on howdah.pending (consumer, lane, queue_at, seq) where queue_at is not null;
create index pending_nacked on howdah.pending (claim_id) where queue_at is null;

create table howdah.dead (
    consumer  int not null,
    id        bigint not null,
    lane      int not null,
    attempts  int not null,
    error     text,
    failed_at timestamptz not null,
    primary key (consumer, id)
);

-- What is left of finished claims that were folded away.
create table howdah.folded (
    consumer int not null,
    lane     int not null,
    below    bigint not null,                                -- claims below this claim_id have been looked at
    ended_at timestamptz,                                    -- the latest end among them
    primary key (consumer, lane)
);

create table howdah.setting (
    name  text primary key,
    value text not null,
    about text not null
);
insert into howdah.setting values
    ('history_interval', '1 day', 'finished claims are kept so long, to show when an event was processed'),
    ('history_claims', '20000', 'and at most so many for each lane of a consumer'),
    ('segment_ids', '4194304', 'ids in one segment of a topic with retention');

create type howdah.lane_state as (
    head bigint, stable bigint, open bigint[], next_lease timestamptz, look_at int, floor_at timestamptz, floor_seq bigint
);

-- The rights are those on the topics' tables; the schemas only let one name them.
revoke all on schema howdah, events, howdah_segments from public;
grant usage on schema howdah, events to public;
