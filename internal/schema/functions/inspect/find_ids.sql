-- howdah.find_ids: the ids of at most n events between from_id and until_id, by key and by JSON content (@>), the newest first or
-- ascending. Without a filter it reads n rows. With one it reads on until it has n or has looked at `look` rows, and says how
-- far it came: next_id is where to go on, null at the end of the range. A key is found at any distance where the topic's table
-- has an index that starts with (key, id). Index: that one, or the primary key. Needs SELECT on the topic's table.
create or replace function howdah.find_ids(topic text, from_id bigint default null, until_id bigint default null, newest_first boolean default true,
        key text default null, contains jsonb default null, n int default 50, look bigint default 20000,
        out ids bigint[], out next_id bigint, out looked bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_sort = off set enable_bitmapscan = off as $$
#variable_conflict use_variable
declare
    t       howdah.topic := howdah.find_topic(topic);
    lo      bigint := coalesce(from_id, -9223372036854775808);
    hi      bigint := coalesce(until_id, 9223372036854775807);
    way     text := case when newest_first then 'desc' else 'asc' end;
    test    text := case when key is not null then 'key is not distinct from $3' else 'true' end;
    size    int := 2000;
    piece   bigint[];
    last    bigint;
    read    int;
    query   text;
begin
    perform howdah.need('SELECT', t.source);
    if n is null or n not between 1 and 10000 or look is null or look not between 1 and 10000000 then
        raise exception 'n is % and look is %', coalesce(n::text, 'null'), coalesce(look::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'n is between 1 and 10,000, look between 1 and 10,000,000.';
    end if;
    if contains is not null and t.format = 'bytes' then
        raise exception 'payloads of topic % are bytes and have no JSON content', quote_literal(topic)
            using errcode = 'feature_not_supported', hint = 'Search by id, time or key.';
    end if;
    ids := '{}';
    looked := 0;
    if key is null and contains is null or contains is null and howdah.has_key_index(t) then
        execute format('select array(select id::bigint from howdah.topic_%s where id >= $1 and id <= $2 %s order by id %s limit $4)',
                       t.number, case when key is not null then 'and key = $3' else '' end, way) into ids using lo, hi, key, n;
        looked := cardinality(ids);
        if looked = n then
            next_id := ids[n] + case when newest_first then -1 else 1 end;
        end if;
        return;
    end if;
    if contains is not null then
        test := test || ' and howdah.json_contains(payload::text, $5)';
        size := 500;
    end if;
    query := format('select array_agg(x.id order by x.id %2$s) filter (where x.hit), %3$s(x.id), count(*)
                     from (select id::bigint, %4$s as hit from howdah.topic_%1$s where id >= $1 and id <= $2 order by id %2$s limit $4) x',
                    t.number, way, case when newest_first then 'min' else 'max' end, test);
    loop
        execute query into piece, last, read using lo, hi, key, least(size, look - looked), contains;
        looked := looked + read;
        exit when read = 0;
        ids := ids || piece;
        if newest_first then
            hi := last - 1;
        else
            lo := last + 1;
        end if;
        if cardinality(ids) >= n then
            ids := ids[1:n];
            next_id := ids[n] + case when newest_first then -1 else 1 end;
            exit;
        end if;
        exit when lo > hi;
        next_id := case when newest_first then hi else lo end;
        exit when looked >= look;
        next_id := null;
    end loop;
end $$;
