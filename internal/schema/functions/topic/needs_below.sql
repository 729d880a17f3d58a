-- howdah.needs_below: whether a consumer has anything unfinished, or a dead letter, below an id.
create or replace function howdah.needs_below(c howdah.consumer, id bigint) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    select exists (select from howdah.dead d where d.consumer = c.number and d.id < needs_below.id)
        or exists (select from howdah.pending p where p.consumer = c.number and p.first_id < needs_below.id)
        or exists (select from generate_series(0, c.lanes - 1) lane, howdah.lane_of(c.number, lane) s
                   where s.head < needs_below.id
                      or exists (select from howdah.claims k where k.claim_id = any (s.open) and k.ended_at is null and k.first_id < needs_below.id))
$$;
revoke execute on function howdah.needs_below(howdah.consumer, bigint) from public;
