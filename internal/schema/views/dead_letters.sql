-- howdah.dead_letters: events that a consumer has given up, with the last error; of topics that the caller may SELECT.
create or replace view howdah.dead_letters as
select c.name as consumer, howdah.partition_at(t.number, d.id) as partition, d.id, d.attempts, d.error, d.failed_at,
       howdah.payload_of(t.number, d.id) as payload
from howdah.dead d join howdah.consumer c on c.number = d.consumer join howdah.topic t on t.number = c.topic
where pg_catalog.has_table_privilege(howdah.caller(), t.source, 'SELECT');
grant select on howdah.dead_letters to public;
