-- howdah.buckets: the buckets, with what those that the caller may read hold.
create or replace view howdah.buckets as
    select bucket, objects, versions, bytes, quota, versioning, uploads, created_at from howdah.bucket_stats();
grant select on howdah.buckets to public;
