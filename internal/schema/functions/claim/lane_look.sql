-- howdah.lane_look: the state of a lane (as howdah.lane_of) and, in the same look, what there is to do before its head: news:
-- something happened to its open claims; crowded: there are so many that the ended ones should go, and nothing else has happened;
-- queued: a
-- range may be due. Expanded into the statements that call it. Index: claims_of_lane, from its upper end.
create or replace function howdah.lane_look(consumer int, lane int, ordered boolean, at timestamptz)
returns table (head bigint, stable bigint, open bigint[], next_lease timestamptz, look_at int, floor_at timestamptz, floor_seq bigint,
               news boolean, crowded boolean, queued boolean)
language sql stable rows 1 as $$
    select k.head, k.stable, k.open, k.next_lease, k.look_at, k.floor_at, k.floor_seq,
           cardinality(k.open) > 0 and (ordered or k.next_lease <= at or cardinality(k.open) > 32 and cardinality(k.open) >= k.look_at
               or cardinality(k.open) <= 32 and exists (select from howdah.pending p where p.claim_id = any (k.open) and p.queue_at is null)),
           cardinality(k.open) >= k.look_at,
           exists (select from howdah.pending p where p.consumer = lane_look.consumer and p.lane = lane_look.lane and p.queue_at is not null
                   and (p.queue_at, p.seq) > (k.floor_at, k.floor_seq) and p.queue_at <= case when ordered then 'infinity' else at end)
    from howdah.claims k where (k.consumer, k.lane) >= (lane_look.consumer, lane_look.lane) and (k.consumer, k.lane) <= (lane_look.consumer, lane_look.lane)
    order by k.consumer desc, k.lane desc, k.claim_id desc limit 1
$$;
revoke execute on function howdah.lane_look(int, int, boolean, timestamptz) from public;
