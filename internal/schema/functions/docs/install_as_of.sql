-- howdah.install_as_of: generates the view docs_history.<collection> and the functions over it. Their bodies are parsed here,
-- once, and PostgreSQL expands them into the query that calls them, so that a join with them is one plan: one look at the upper
-- end of the history's primary key for each row.
--   docs.<collection>_as_of(key, t, ttl): what was known at t of what was true at t.
--   docs.<collection>_valid_at(key, t, ttl, known_by): what is known (or was known at known_by) of what was true at t.
-- No row: unknown, deleted, expired, or older than ttl. Each checks the right to read the collection, once a query.
create or replace function howdah.install_as_of(c howdah.collection) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    execute format('create or replace view docs_history.%I as
        select key, version, valid_from, known_at, expires_at, doc from %s where (select howdah.may_read(%L::regclass))',
        c.name, c.history, c.source);
    execute format('grant select on docs_history.%I to public', c.name);
    execute format($f$
        create or replace function docs.%1$I(key text, t timestamptz, ttl interval default null)
        returns table (key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
        language sql stable parallel safe
        begin atomic
            select h.key, h.doc, h.version, h.valid_from, h.known_at, h.expires_at
            from (select * from docs_history.%3$I v
                  where v.key = $1 and v.valid_from <= $2 and v.known_at <= $2 and v.valid_from >= coalesce($2 - $3, '-infinity'::timestamptz)
                  order by v.valid_from desc, v.known_at desc limit 1) h
            where h.doc is not null and (h.expires_at is null or h.expires_at > $2);
        end;
        create or replace function docs.%2$I(key text, t timestamptz, ttl interval default null, known_by timestamptz default 'infinity')
        returns table (key text, doc jsonb, version bigint, valid_from timestamptz, known_at timestamptz, expires_at timestamptz)
        language sql stable parallel safe
        begin atomic
            select h.key, h.doc, h.version, h.valid_from, h.known_at, h.expires_at
            from (select * from docs_history.%3$I v
                  where v.key = $1 and v.valid_from <= $2 and v.known_at <= $4 and v.valid_from >= coalesce($2 - $3, '-infinity'::timestamptz)
                  order by v.valid_from desc, v.known_at desc limit 1) h
            where h.doc is not null and (h.expires_at is null or h.expires_at > $2);
        end $f$,
        howdah.part_name(c.name, '_as_of'), howdah.part_name(c.name, '_valid_at'), c.name);
end $$;
revoke execute on function howdah.install_as_of(howdah.collection) from public;
