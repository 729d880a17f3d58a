-- howdah.open_claims: who works on what, since when and until when; of topics that the caller may SELECT.
create or replace view howdah.open_claims as
select c.name as consumer, k.claim_id, k.lane, k.first_id, k.last_id, k.held as events, k.attempts + 1 as attempt, k.owner, k.claimed_at,
       greatest(k.lease_until, (select max(e.until) from howdah.extension e where e.claim_id = k.claim_id)) as lease_until
from howdah.consumer c join howdah.topic t on t.number = c.topic
cross join lateral pg_catalog.generate_series(0, c.lanes - 1) lane
cross join lateral (select n.open from howdah.claims n where (n.consumer, n.lane) >= (c.number, lane.lane) and (n.consumer, n.lane) <= (c.number, lane.lane)
                    order by n.consumer desc, n.lane desc, n.claim_id desc limit 1) s   -- as in howdah.lane_of
cross join lateral (select * from howdah.claims x where x.claim_id = any (s.open) and x.ended_at is null offset 0) k   -- by the primary key
where pg_catalog.has_table_privilege(howdah.caller(), t.source, 'SELECT');
grant select on howdah.open_claims to public;
