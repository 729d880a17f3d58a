package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// doctorQuery finds what is wrong by a query with columns subject, finding and advice; no row: all is well.
type doctorQuery struct {
	subject, level, well string
	sql                  string
}

var doctorQueries = []doctorQuery{
	{"invariants", "error", "every event is in exactly one place", `
		select coalesce(consumer, topic) as subject, problem as finding, 'stop its workers, keep a dump, and seek the consumer to a place you trust' as advice
		from howdah.check()`},
	{"producers", "warning", "no transaction holds consumers back for long", `
		select topic, format('%s has written and not committed for %s s: consumers wait for it', coalesce('the session with pid ' || pid, 'prepared transaction ' || gid),
				coalesce(extract(epoch from clock_timestamp() - since)::bigint::text, 'an unknown number of')),
			case when pid is not null then format('commit it, or end it: select pg_terminate_backend(%s);', pid) else format('commit prepared %L; or rollback prepared %1$L;', gid) end
		from howdah.open_producers where since is null or since < clock_timestamp() - interval '10 s'`},
	{"rights", "note", "this role may publish to and consume all topics", `
		select topic, format('role %s may not %s', current_user, case when has_table_privilege(source, 'SELECT') then 'publish'
				when has_table_privilege(source, 'INSERT') then 'consume' else 'publish or consume' end),
			format('if it should: grant %s on %s to %I;', case when has_table_privilege(source, 'SELECT') then 'insert'
				when has_table_privilege(source, 'INSERT') then 'select' else 'insert, select' end, source, current_user)
		from howdah.topics where not (has_table_privilege(source, 'SELECT') and has_table_privilege(source, 'INSERT'))`},
	{"dead letters", "warning", "none", `
		select consumer, format('%s of them', dead), format('look: howdah consumer dead %s; then: howdah consumer redrive %1$s', consumer)
		from howdah.consumers where dead > 0`},
	{"consumers", "warning", "none is paused with events waiting, or without workers", `
		select consumer, case when paused then format('paused, with %s events waiting', lag)
				else format('%s events wait, the oldest for %s s, and no claim is open: no worker runs', lag, lag_seconds::bigint) end,
			case when paused then 'howdah consumer resume ' || consumer else 'start a worker, or drop the consumer if nobody needs it' end
		from howdah.consumers where lag > 0 and (paused or in_flight = 0 and lag_seconds > 60)`},
	{"ids", "warning", "no topic is near the end of its ids", `
		select t.topic, format('%s of %s ids are used: column %s is %s', t.last_id, l.most, a.attname, format_type(a.atttypid, null)),
			format('before it is full: alter table %s alter column %I type bigint; (rewrites the table, in a maintenance window)', t.source, a.attname)
		from howdah.topics t
		join pg_attribute a on a.attrelid = t.source::regclass and not a.attisdropped
			and a.attname = any (select k.attname from pg_index i join pg_attribute k on k.attrelid = i.indrelid and k.attnum = i.indkey[0] where i.indrelid = a.attrelid)
			and pg_get_serial_sequence(t.source, a.attname) is not null
		cross join lateral (select case a.atttypid when 'smallint'::regtype then 32767 when 'integer'::regtype then 2147483647 else 9223372036854775807 end::bigint as most) l
		where t.adopted and t.last_id > l.most * 0.7`},
	{"snapshots", "warning", "no old transaction keeps VACUUM from its work", `
		select 'pid ' || pid, format('its transaction is open for %s s, and VACUUM cannot remove what ended since', extract(epoch from clock_timestamp() - xact_start)::bigint),
			format('end it if nobody needs it: select pg_terminate_backend(%s);', pid)
		from pg_stat_activity where backend_xmin is not null and xact_start < clock_timestamp() - interval '1 hour' and datname = current_database()
			and pid <> pg_backend_pid()`},
	{"prepared transactions", "warning", "none is forgotten", `
		select gid, format('prepared at %s, neither committed nor rolled back', prepared), format('commit prepared %L; or rollback prepared %1$L;', gid)
		from pg_prepared_xacts where prepared < clock_timestamp() - interval '10 min' and database = current_database()`},
}

func (q doctorQuery) run(ctx context.Context, conn *pgx.Conn) ([]finding, error) {
	rows, err := conn.Query(ctx, q.sql)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (finding, error) {
		f := finding{Level: q.level}
		err := row.Scan(&f.Subject, &f.Says, &f.Advice)
		f.Subject = fmt.Sprintf("%s, %s", q.subject, f.Subject)
		return f, err
	})
	if len(found) == 0 && err == nil {
		found = []finding{{Level: "ok", Subject: q.subject, Says: q.well}}
	}
	return found, err
}
