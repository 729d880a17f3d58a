-- howdah.put_many: stores many documents, as howdah.put does each; arrays of one length, or null for what is nowhere given. A key may come
-- more than once: its versions are put in the order of the arrays. Returns how many were put.
-- With the caller's rights: INSERT, UPDATE and SELECT on docs.<collection>. Locks rows in the order of their keys; primary key.
create or replace function howdah.put_many(collection text, keys text[], docs jsonb[], valid_from timestamptz[] default null,
        expires_at timestamptz[] default null, known_at timestamptz[] default null) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_variable
declare
    n      int := coalesce(cardinality(keys), 0);
    stated int[];
    starts bigint[];
    a      bigint;
    b      bigint;
begin
    perform howdah.need_collection(collection);
    if coalesce(cardinality(docs), 0) <> n
       or cardinality(valid_from) <> n or cardinality(expires_at) <> n or cardinality(known_at) <> n then
        raise exception 'the arrays differ in length' using errcode = 'invalid_parameter_value', hint = 'Give one element for each key.';
    end if;
    perform howdah.check_document(x.key, x.doc) from unnest(keys, docs) x (key, doc)
        where octet_length(x.key) between 1 and 1024 is not true or jsonb_typeof(x.doc) is distinct from 'object';
    if exists (select from unnest(known_at) k where k is not null) then
        perform howdah.need_given(collection);
    end if;
    -- A statement for each turn of the keys, and for each way in which times are stated (1 valid_from, 2 known_at, 3 both): sorted by
    -- that, each takes a slice.
    select array_agg(x.key order by x.o), array_agg(x.doc order by x.o), array_agg(x.valid_from order by x.o), array_agg(x.expires_at order by x.o),
           array_agg(x.known_at order by x.o), array_agg(x.stated order by x.o), array_agg(x.o order by x.o) filter (where x.first)
        into keys, docs, valid_from, expires_at, known_at, stated, starts
        from (select z.*, row_number() over (order by z.turn, z.stated, z.key collate "C") as o,
                     row_number() over (partition by z.turn, z.stated order by z.key collate "C") = 1 as first
              from (select y.*, row_number() over (partition by y.key order by y.place) as turn,
                           (y.valid_from is not null)::int + 2 * (y.known_at is not null)::int as stated
                    from unnest(keys, docs, valid_from, expires_at, known_at) with ordinality y (key, doc, valid_from, expires_at, known_at, place)) z) x;
    for i in 1..coalesce(cardinality(starts), 0) loop
        a := starts[i];
        b := coalesce(starts[i + 1] - 1, n);
        execute format('insert into docs.%I as d (key, doc, valid_from, expires_at, updated_at)
            select x.key, x.doc, coalesce(x.valid_from, x.known_at, statement_timestamp()), x.expires_at, coalesce(x.known_at, statement_timestamp())
            from unnest($1, $2, $3, $4, $5) x (key, doc, valid_from, expires_at, known_at)
            on conflict (key) do update set doc = excluded.doc, expires_at = excluded.expires_at%s', collection, case stated[a]
            when 1 then ', version = d.version + 1, valid_from = excluded.valid_from, updated_at = greatest(d.updated_at, excluded.updated_at)'
            when 2 then ', version = d.version + 1, valid_from = greatest(excluded.updated_at, d.valid_from), updated_at = excluded.updated_at'
            when 3 then ', version = d.version + 1, valid_from = excluded.valid_from, updated_at = excluded.updated_at'
            else '' end)
            using keys[a:b], docs[a:b], valid_from[a:b], expires_at[a:b], known_at[a:b];
    end loop;
    return n;
end $$;
