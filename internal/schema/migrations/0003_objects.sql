-- Objects: buckets, the versions of their objects, and the pieces and chunks that hold the bytes.
--
-- Bytes are written first and become visible when a version names their piece, in one short transaction: a reader sees
-- the old object or the new one. A piece that no version and no part of an upload names is a remain and goes.

create schema if not exists objects;

-- The view is objects.<bucket>; the rights on it are the rights on the bucket: SELECT to read and list, INSERT to write,
-- DELETE to delete.
create table howdah.bucket (
    number     int generated always as identity primary key,
    name       text not null unique,
    source     regclass not null unique,
    versioning text not null default 'off' check (versioning in ('off', 'enabled', 'suspended')),
    quota      bigint check (quota > 0),
    used       bigint not null default 0,                    -- bytes of all versions; kept only where there is a quota
    tags       jsonb not null default '{}',
    created_at timestamptz not null default now()
);

-- A run of bytes, in chunks of one size. refs counts the versions and parts that name it; where it is 0 the piece is
-- being written or was dropped, and it is collected after expires_at, which writers and readers move on.
create table howdah.piece (
    piece      bigint generated always as identity primary key,
    bucket     int not null,
    size       bigint not null default 0,
    md5        bytea,
    sha256     bytea,
    refs       int not null default 0,
    expires_at timestamptz
);
create index piece_expiring on howdah.piece (expires_at) where refs = 0;

create table howdah.chunk (
    piece bigint not null,
    seq   int not null,
    data  bytea not null,
    primary key (piece, seq)
);
alter table howdah.chunk alter column data set storage external;

create sequence howdah.version_number;

-- One row for each version of an object. In a bucket without versioning there is one a key; unversioned is what S3
-- calls the version null.
create table howdah.object (
    bucket       int not null references howdah.bucket (number),
    key          text collate "C" not null check (octet_length(key) between 1 and 1024),
    version      bigint not null,
    latest       boolean not null,
    unversioned  boolean not null,
    marker       boolean not null default false,             -- a deletion in a bucket with versioning
    size         bigint not null,
    etag         text not null,
    content_type text not null,
    headers      jsonb not null,                             -- Cache-Control, Content-Disposition and their like
    metadata     jsonb not null,
    tags         jsonb not null,
    sha256       bytea,                                      -- where the object came as one stream
    checksum     jsonb,                                      -- what an S3 client sent and expects back
    pieces       bigint[] not null,
    modified_at  timestamptz not null default clock_timestamp(),
    primary key (bucket, key, version)
);
create unique index object_latest on howdah.object (bucket, key) where latest;

-- Multipart uploads: nothing of them is visible until they are completed.
create table howdah.upload (
    upload     text primary key,
    bucket     int not null references howdah.bucket (number),
    key        text collate "C" not null check (octet_length(key) between 1 and 1024),
    info       jsonb not null,
    created_at timestamptz not null default clock_timestamp()
);
create index upload_of_bucket on howdah.upload (bucket, key, upload);

create table howdah.part (
    upload      text not null references howdah.upload (upload),
    number      int not null check (number between 1 and 10000),
    piece       bigint not null,
    size        bigint not null,
    etag        text not null,
    checksum    jsonb,
    modified_at timestamptz not null default clock_timestamp(),
    primary key (upload, number)
);

-- Access keys of the S3 API. The secret is kept as it is, because signatures cannot be verified without it; only the
-- owner of this schema can read it. buckets: bucket to 'read' or 'write'; null: everything.
create table howdah.access_key (
    access_key text primary key,
    secret_key text not null,
    name       text not null unique,
    buckets    jsonb,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

insert into howdah.setting values
    ('object_grace', '5 minutes', 'bytes of replaced and deleted big objects stay so long after they were last read'),
    ('object_write_timeout', '1 hour', 'an upload that has not sent anything for so long is a remain'),
    ('upload_interval', '7 days', 'multipart uploads that are neither completed nor aborted are aborted after this time');

revoke all on schema objects from public;
grant usage on schema objects to public;
