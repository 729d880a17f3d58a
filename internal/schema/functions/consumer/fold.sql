-- howdah.fold: deletes the claim rows of a lane that have ended and are older than the history that is kept, from a
-- remembered lowest id on, at most 10,000 a call. The newest row stays, and so does every claim that is open.
-- Index: claims_of_lane.
create or replace function howdah.fold(c howdah.consumer, lane int) returns void
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    f     howdah.folded;
    edge  bigint;
    upto  bigint;
    kept  int := howdah.get_setting('history_claims')::int;
    since timestamptz := clock_timestamp() - howdah.get_setting('history_interval')::interval;
    last  timestamptz;
begin
    select * into f from howdah.folded x where x.consumer = c.number and x.lane = lane;
    -- above edge: the newest rows, always kept
    select k.claim_id into edge from howdah.claims k where k.consumer = c.number and k.lane = lane order by k.claim_id desc offset kept limit 1;
    select max(x.claim_id) into upto from (
        select k.claim_id, k.claimed_at from howdah.claims k
        where k.consumer = c.number and k.lane = lane and k.claim_id >= coalesce(f.below, 0) order by k.claim_id limit 10000) x
    where x.claimed_at < since or x.claim_id <= edge;
    if upto is null then
        return;                                             -- all are young; least() below would pass over the null
    end if;
    upto := least(upto, (select max(k.claim_id) - 1 from howdah.claims k where k.consumer = c.number and k.lane = lane));
    with gone as (
        delete from howdah.claims k where k.consumer = c.number and k.lane = lane and k.claim_id between coalesce(f.below, 0) and upto
            and (k.ended_at is not null or k.first_id is null) and k.outcome is distinct from 'skipped'
        returning k.claim_id, k.ended_at
    ), extended as (
        delete from howdah.extension e using gone g where e.claim_id = g.claim_id
    )
    select max(g.ended_at) into last from gone g;
    -- the lowest row that stays is where the next call starts
    insert into howdah.folded values (c.number, lane,
            coalesce((select min(k.claim_id) from howdah.claims k where k.consumer = c.number and k.lane = lane
                      and k.claim_id >= coalesce(f.below, 0) and k.claim_id <= upto and k.ended_at is null and k.first_id is not null), upto + 1), last)
        on conflict on constraint folded_pkey do update set below = excluded.below, ended_at = greatest(folded.ended_at, excluded.ended_at);
end $$;
revoke execute on function howdah.fold(howdah.consumer, int) from public;
