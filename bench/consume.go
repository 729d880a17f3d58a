package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah"
)

// consume compares how fast a backlog is worked off. Every round has a new consumer.
func (b *bench) consume(ctx context.Context) error {
	topic, old, err := b.backlog(ctx, b.o.Rows)
	if err != nil {
		return err
	}
	for _, size := range []int{1, 100, 1000} {
		for _, workers := range []int{1, 4} {
			got, err := b.interleave(ctx, []arm{
				{"run", func(ctx context.Context) (float64, error) { return b.consumeRun(ctx, topic, workers, size, b.o.Round) }},
				{"sql", func(ctx context.Context) (float64, error) { return b.consumeSQL(ctx, topic, workers, size, b.o.Round) }},
				{"blog", func(ctx context.Context) (float64, error) {
					return b.consumeBlog(ctx, old, workers, size, b.o.Round)
				}},
			})
			if err != nil {
				return err
			}
			var t *target
			switch {
			case workers == 4 && size == 100:
				t = atLeast(2.5)
			case workers == 4 && size == 1000:
				t = atLeast(6)
			}
			what := fmt.Sprintf("%d workers, batch %d", workers, size)
			b.compare("consume", what+", Run", "/s", got["run"], "blog", got["blog"], t)
			b.compare("consume", what+", SQL", "/s", got["sql"], "blog", got["blog"], t)
		}
	}
	if err := b.exec(ctx, "select blog.drop_topic($1, '{}')", old); err != nil {
		return err
	}
	return b.dropHowdah(ctx, topic, nil)
}

// backlog makes a topic of each design with n old events, vacuumed and analyzed as old ones are.
func (b *bench) backlog(ctx context.Context, n int) (topic, old string, err error) {
	if topic, _, err = b.howdahTopic(ctx, 0); err != nil {
		return "", "", err
	}
	if old, _, err = b.blogTopic(ctx, 0); err != nil {
		return "", "", err
	}
	if err := b.fill(ctx, "events."+topic, "payload", n); err != nil {
		return "", "", err
	}
	if err := b.fill(ctx, "blog."+old, "data", n); err != nil {
		return "", "", err
	}
	if err := b.exec(ctx, "vacuum analyze events."+topic); err != nil {
		return "", "", err
	}
	return topic, old, b.exec(ctx, "vacuum analyze blog."+old)
}

// consumeRun consumes through the Go API with a handler that only counts.
func (b *bench) consumeRun(ctx context.Context, topic string, workers, size int, d time.Duration) (float64, error) {
	name := b.fresh("consumer")
	c, err := b.db.CreateConsumer(ctx, name, topic)
	if err != nil {
		return 0, err
	}
	n, took, err := b.runFor(ctx, c, workers, size, d)
	if err != nil {
		return 0, err
	}
	return float64(n) / took.Seconds(), b.db.DropConsumer(ctx, name)
}

// runFor runs a consumer for a time, starting again from the earliest event whenever it has seen all. To go back there is
// no part of the time it says.
func (b *bench) runFor(ctx context.Context, c *howdah.Consumer, workers, size int, d time.Duration) (int64, time.Duration, error) {
	var n atomic.Int64
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var took time.Duration
	for limited.Err() == nil {
		start := time.Now()
		err := c.Run(limited, func(_ context.Context, events []howdah.Event) error {
			n.Add(int64(len(events)))
			return nil
		}, howdah.Workers(workers), howdah.Batch(size), howdah.UntilIdle())
		took += time.Since(start)
		if err != nil && limited.Err() == nil {
			return 0, 0, err
		}
		if limited.Err() == nil {
			if err := c.Seek(ctx, "earliest"); err != nil {
				return 0, 0, err
			}
		}
	}
	return n.Load(), took, nil
}

// consumeSQL consumes with howdah.claim and howdah.ack, one statement and transaction each. As the guide advises, only the
// ack waits for the disk.
func (b *bench) consumeSQL(ctx context.Context, topic string, workers, size int, d time.Duration) (float64, error) {
	name := b.fresh("consumer")
	if _, err := b.db.CreateConsumer(ctx, name, topic); err != nil {
		return 0, err
	}
	rate, err := b.parallel(ctx, workers, d, func(ctx context.Context, c *pgxpool.Conn) (int, error) {
		rows, err := c.Query(ctx, `select claim_id, id, payload::text
			from set_config('synchronous_commit', 'off', true), howdah.claim($1::text, $2::int)`, name, size)
		if err != nil {
			return 0, err
		}
		claim, n, err := drain(rows)
		if n == 0 || err != nil {
			return 0, err
		}
		_, err = c.Exec(ctx, "select howdah.ack($1::bigint)", claim)
		return n, err
	})
	if err != nil {
		return 0, err
	}
	return rate, b.db.DropConsumer(ctx, name)
}

// drain reads rows whose payload comes third and returns the last value of the first column and how many there were.
func drain(rows pgx.Rows) (first int64, n int, err error) {
	defer rows.Close()
	for rows.Next() {
		var id int64
		var payload []byte
		if err := rows.Scan(&first, &id, &payload); err != nil {
			return 0, 0, err
		}
		n++
	}
	return first, n, rows.Err()
}

// consumeBlog consumes with rows locked and marked in one transaction. Its status table gets as many of the old events
// as may be consumed in the time.
func (b *bench) consumeBlog(ctx context.Context, topic string, workers, size int, d time.Duration) (float64, error) {
	name, err := b.blogStatus(ctx, topic, int(min(float64(b.o.Rows), 150_000*d.Seconds())))
	if err != nil {
		return 0, err
	}
	rate, err := b.parallel(ctx, workers, d, blogWorker(topic, name, size, nil))
	if err != nil {
		return 0, err
	}
	return rate, b.exec(ctx, "drop table blog."+name)
}

// blogStatus makes a status table alone, without the trigger, with rows for the first n events.
func (b *bench) blogStatus(ctx context.Context, topic string, n int) (string, error) {
	name := b.fresh("status")
	for _, sql := range []string{
		fmt.Sprintf("create table blog.%s (event_id bigint primary key, processed_time timestamptz)", name),
		fmt.Sprintf("insert into blog.%s (event_id) select id from blog.%s order by id limit %d", name, topic, n),
		fmt.Sprintf("create index on blog.%s (event_id) where processed_time is null", name),
		"vacuum analyze blog." + name,
	} {
		if err := b.exec(ctx, sql); err != nil {
			return "", err
		}
	}
	return name, nil
}

// blogWorker takes, handles and marks one batch in one transaction.
func blogWorker(topic, status string, size int, handle func([]byte)) func(context.Context, *pgxpool.Conn) (int, error) {
	// The batch first, then its events: in one join the planner may merge, and read all events that were consumed before.
	take := fmt.Sprintf(`with s as materialized (select event_id from blog.%s where processed_time is null order by event_id limit $1 for update skip locked)
		select s.event_id, e.data::text from s join blog.%s e on e.id = s.event_id order by s.event_id`, status, topic)
	mark := fmt.Sprintf("update blog.%s set processed_time = clock_timestamp() where event_id = any ($1)", status)
	return func(ctx context.Context, c *pgxpool.Conn) (int, error) {
		var ids []int64
		err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, take, size)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id int64
				var data []byte
				if err := rows.Scan(&id, &data); err != nil {
					return err
				}
				if handle != nil {
					handle(data)
				}
				ids = append(ids, id)
			}
			if rows.Err() != nil || len(ids) == 0 {
				return rows.Err()
			}
			rows.Close()
			_, err = tx.Exec(ctx, mark, ids)
			return err
		})
		return len(ids), err
	}
}
