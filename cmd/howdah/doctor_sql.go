package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// doctorQuery finds what is wrong by a query with columns kind, level, name, problem and advice; of a kind without a row
// it says that all is well.
type doctorQuery struct {
	kinds []string // and what is said of each where nothing is wrong
	well  []string
	sql   string
}

var doctorQueries = []doctorQuery{
	{[]string{"invariants"}, []string{"every event is in exactly one place"}, `
		select 'invariants', 'error', coalesce(consumer, topic), problem,
			case when consumer is null then 'until then consumers may miss events' else 'stop its workers, keep a dump, and seek the consumer to a place you trust' end
		from howdah.check()`},
	{[]string{"rights"}, []string{"this role may publish to and consume all topics"}, `
		select 'rights', 'note', topic, format('role %s may not %s', current_user, case when has_table_privilege(source, 'SELECT') then 'publish'
				when has_table_privilege(source, 'INSERT') then 'consume' else 'publish or consume' end),
			format('if it should: grant %s on %s to %I;', case when has_table_privilege(source, 'SELECT') then 'insert'
				when has_table_privilege(source, 'INSERT') then 'select' else 'insert, select' end, source, current_user)
		from howdah.topics where not (has_table_privilege(source, 'SELECT') and has_table_privilege(source, 'INSERT'))`},
	{[]string{"producers", "dead letters", "consumers", "sequences", "leases", "segments", "ids", "snapshots", "prepared transactions"},
		[]string{"no transaction holds consumers back for long", "none", "none is paused with events waiting, or without workers", "none went back",
			"none has passed without another worker", "retention has room and segments", "no topic is near the end of its ids",
			"no old transaction keeps VACUUM from its work", "none is forgotten"},
		"select kind, level, name, problem, advice from howdah.problems()"},
}

func (q doctorQuery) run(ctx context.Context, conn *pgx.Conn) ([]finding, error) {
	rows, err := conn.Query(ctx, q.sql)
	if err != nil {
		return nil, err
	}
	found := make([][]finding, len(q.kinds)+1) // the last for kinds that this program does not know
	var kind, level, name, says, advice string
	_, err = pgx.ForEachRow(rows, []any{&kind, &level, &name, &says, &advice}, func() error {
		i := slices.Index(q.kinds, kind)
		if i < 0 {
			i = len(q.kinds)
		}
		found[i] = append(found[i], finding{Level: level, Subject: fmt.Sprintf("%s, %s", kind, name), Says: says, Advice: advice})
		return nil
	})
	for i, kind := range q.kinds {
		if len(found[i]) == 0 && err == nil {
			found[i] = []finding{{Level: "ok", Subject: kind, Says: q.well[i]}}
		}
	}
	return slices.Concat(found...), err
}
