package eventlog

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Range reads at most limit events with after < id <= until, ascending, under the caller's own rights. until must come
// from an earlier statement that asked for the stable id: in one statement the snapshot would be older than the answer.
func Range(ctx context.Context, pool *pgxpool.Pool, topic string, after, until int64, limit int) ([]Event, error) {
	var query string
	if err := pool.QueryRow(ctx, "select howdah.read_query($1, false, false)", topic).Scan(&query); err != nil {
		return nil, err
	}
	events, err := readEvents(ctx, pool, 0, "select * from ("+query+") e order by id limit $3", after+1, until, limit)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// ByID reads the events of those ids that are there, in the order of ids, under the caller's own rights.
func ByID(ctx context.Context, pool *pgxpool.Pool, topic string, ids []int64) ([]Event, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var query string
	if err := pool.QueryRow(ctx, "select howdah.read_query($1, false, false)", topic).Scan(&query); err != nil {
		return nil, err
	}
	// One look-up of the primary key for each id: a range would read what lies between them.
	events, err := readEvents(ctx, pool, len(ids), "select e.* from pg_catalog.unnest($1::bigint[]) with ordinality w (id, nr) cross join lateral ("+
		bounds.Replace(query)+" limit 1) e order by w.nr", ids)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// bounds makes the parameters of howdah.read_query columns of a list of ids.
var bounds = strings.NewReplacer("$1", "w.id", "$2", "w.id")

// readEvents runs a query of howdah.read_query, with room for as many events as are expected. A plan that was made when
// the table was small must not become a scan later, so sequential scans are off while the query is planned and run; both
// statements travel together and make one transaction.
func readEvents(ctx context.Context, pool *pgxpool.Pool, expected int, sql string, args ...any) ([]Event, error) {
	b := &pgx.Batch{}
	b.Queue("select pg_catalog.set_config('enable_seqscan', 'off', true)")
	b.Queue(sql, args...)
	res := pool.SendBatch(ctx, b)
	defer func() { _ = res.Close() }()
	if _, err := res.Exec(); err != nil {
		return nil, err
	}
	rows, err := res.Query()
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows(make([]Event, 0, expected), rows, func(row pgx.CollectableRow) (e Event, err error) {
		var key, headers *string
		var eventTime, receivedAt *time.Time
		err = row.Scan(&e.ID, &key, &e.Payload, &headers, &eventTime, &receivedAt, &e.Partition)
		if key != nil {
			e.Key = *key
		}
		if headers != nil {
			e.Headers = json.RawMessage(*headers)
		}
		if eventTime != nil {
			e.EventTime = eventTime.UTC()
		}
		if receivedAt != nil {
			e.ReceivedAt = receivedAt.UTC()
		}
		return e, err
	})
}
