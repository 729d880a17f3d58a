-- howdah.fit_window: what fits into a claim of ids that a window offers, from its lower or upper end; ascending.
create or replace function howdah.fit_window(t howdah.topic, ids bigint[], newest_first boolean) returns bigint[]
language sql volatile as $$
    select array_agg(i order by i) from howdah.fit(t, (select array_agg(x order by case when newest_first then -x else x end) from unnest(ids) x), 0) f,
        unnest(f.ids) i
$$;
revoke execute on function howdah.fit_window(howdah.topic, bigint[], boolean) from public;
