package eventlog

import (
	"context"
	"encoding/json"
	"fmt"
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
