-- howdah.topics: what topics there are. events is the distance of ids; bytes includes indexes; stable_id is null on a standby.
create or replace view howdah.topics as
select t.name as topic, t.partitions, s.events, s.first_id, s.last_id, s.stable_id, s.bytes, t.retention, t.max_bytes, t.format, t.adopted,
       t.source::text as source, (select count(*) from howdah.consumer c where c.topic = t.number) as consumers, t.created_at
from howdah.topic t, lateral howdah.topic_stats(t.number) s where howdah.is_there(t.source);
grant select on howdah.topics to public;
