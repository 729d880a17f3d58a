-- howdah.check_objects: proves of every object that its pieces are there, complete and as long as it says, that references are counted
-- right and bytes without a name are on their way out. The bytes themselves are read by `howdah check`. No row: all is well.
create or replace function howdah.check_objects() returns table (bucket text, key text, problem text)
language sql volatile as $$
    with named as (
        select u.piece, count(*) as refs from (
            select unnest(o.pieces) as piece from howdah.object o union all select p.piece from howdah.part p) u group by u.piece
    ), held as (
        select c.piece, count(*) as chunks, max(c.seq) as last, sum(octet_length(c.data)) as size,
               bool_and(octet_length(c.data) <= 262144) and count(*) filter (where octet_length(c.data) <> 262144) <= 1
               and coalesce(max(c.seq) filter (where octet_length(c.data) <> 262144) = max(c.seq), true) as fit
        from howdah.chunk c group by c.piece
    )
    select b.name, o.key::text, format('version %s has %s bytes, its pieces have %s', howdah.version_name(o.version, o.unversioned), o.size, s.size)
    from howdah.object o join howdah.bucket b on b.number = o.bucket
        cross join lateral (select coalesce(sum(p.size), 0) as size from unnest(o.pieces) u (piece) left join howdah.piece p using (piece)) s
    where o.size <> s.size
    union all
    select b.name, min(o.key)::text, format('%s versions are the latest, or it is not the newest', count(*) filter (where o.latest))
    from howdah.object o join howdah.bucket b on b.number = o.bucket group by b.name, o.bucket, o.key
    having count(*) filter (where o.latest) <> 1 or max(o.version) filter (where o.latest) <> max(o.version)
    union all
    select null, null, format('piece %s is named %s times, and counts %s', coalesce(p.piece, n.piece), coalesce(n.refs, 0), coalesce(p.refs::text, 'nothing: it is gone'))
    from howdah.piece p full join named n using (piece) where coalesce(n.refs, 0) is distinct from p.refs
    union all
    select null, null, format('piece %s has %s bytes in %s chunks up to %s, and says %s', coalesce(p.piece, h.piece), coalesce(h.size, 0),
        coalesce(h.chunks, 0), h.last, coalesce(p.size::text, 'nothing: it is gone'))
    from howdah.piece p full join held h using (piece) where p.size is distinct from coalesce(h.size, 0) or h.chunks <> h.last + 1 or not h.fit
    union all
    select null, null, format('piece %s has no name and no end', p.piece) from howdah.piece p where p.refs = 0 and p.expires_at is null
    union all
    select b.name, null, format('the bucket counts %s bytes and has %s', b.used, s.size)
    from howdah.bucket b cross join lateral (select coalesce(sum(o.size), 0) as size from howdah.object o where o.bucket = b.number) s
    where b.quota is not null and b.used <> s.size
$$;
revoke execute on function howdah.check_objects() from public;
