-- howdah.collections: what collections there are. documents and versions are PostgreSQL's estimates, bytes include indexes; changes is the
-- topic of its changes, indexed whether howdah.find has an index.
create or replace view howdah.collections as
select c.name as collection, s.documents, s.versions, s.bytes, s.history_bytes, t.name as changes, howdah.has_find_index(c.name) as indexed,
       case when c.given then 'given' else 'clock' end as known_at, howdah.part_name(c.name, '_as_of') as as_of_function, c.created_at
from howdah.collection c left join howdah.topic t on t.number = c.changes, lateral howdah.collection_stats(c.number) s where howdah.is_there(c.source) and howdah.is_there(c.history);
grant select on howdah.collections to public;
