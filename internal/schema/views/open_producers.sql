-- howdah.open_producers: the transactions that hold a topic's consumers back: open, or prepared (pid null, with their gid).
-- since is null for other roles' sessions unless one may read all statistics (pg_read_all_stats).
create or replace view howdah.open_producers as
select t.name as topic, m.pid, m.since, m.low_mark, m.gid from howdah.topic t, lateral howdah.marks(t.number) m where howdah.is_there(t.source);
grant select on howdah.open_producers to public;
