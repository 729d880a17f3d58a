-- howdah.consumers: how far each consumer is. lag = waiting + in_flight + pending events; lag_seconds is the age of the oldest.
create or replace view howdah.consumers as
select c.name as consumer, t.name as topic, s.lag, s.lag_seconds, s.waiting, s.in_flight, s.pending, s.dead, s.head, s.open_claims,
       c.ordered, c.paused, c.lease, c.max_attempts, c.start, c.created_at
from howdah.consumer c join howdah.topic t on t.number = c.topic, lateral howdah.consumer_stats(c.number) s where howdah.is_there(t.source);
grant select on howdah.consumers to public;
