package bench

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// state measures what one event costs one consumer in bytes on disk and of WAL at batch 100, whether that stays bounded,
// and what an append costs with 10 consumers. WAL is counted for the whole server: nothing else should run on it.
func (b *bench) state(ctx context.Context) error {
	topic, old, err := b.backlog(ctx, b.o.Rows)
	if err != nil {
		return err
	}
	rows := float64(b.o.Rows)
	if err := b.exec(ctx, "vacuum full howdah.claims, howdah.extension, howdah.pending"); err != nil {
		return err
	}
	before, err := b.stateBytes(ctx)
	if err != nil {
		return err
	}
	name := b.fresh("consumer")
	if _, err := b.db.CreateConsumer(ctx, name, topic); err != nil {
		return err
	}
	wal, err := b.wal(ctx, func() error { return b.consumeAll(ctx, name) })
	if err != nil {
		return err
	}
	after, err := b.stateBytes(ctx)
	if err != nil {
		return err
	}
	status, err := b.blogStatus(ctx, old, b.o.Rows)
	if err != nil {
		return err
	}
	blogWAL, err := b.wal(ctx, func() error {
		_, err := b.parallel(ctx, 4, time.Hour, blogWorker(old, status, 100, nil))
		return err
	})
	if err != nil {
		return err
	}
	var blogBytes float64
	if err := b.pool.QueryRow(ctx, "select pg_total_relation_size($1::text::regclass)", "blog."+status).Scan(&blogBytes); err != nil {
		return err
	}
	b.add(Line{Measurement: "state", Case: "bytes per event and consumer, batch 100", Value: (after - before) / rows, Unit: "B",
		Against: "blog", Other: blogBytes / rows, Ratio: (after - before) / blogBytes}, atMost(12), (after-before)/rows)
	b.compare("state", "WAL per event consumed, batch 100", "B", []float64{wal / rows}, "blog", []float64{blogWAL / rows}, nil)

	// The same again and again, with upkeep between as the server does it, must not grow.
	for range 3 {
		if err := b.settle(ctx); err != nil {
			return err
		}
		if err := b.db.Consumer(name).Seek(ctx, "earliest"); err != nil {
			return err
		}
		if err := b.consumeAll(ctx, name); err != nil {
			return err
		}
	}
	later, err := b.stateBytes(ctx)
	if err != nil {
		return err
	}
	b.add(Line{Measurement: "state", Case: "bytes after 4 passes", Value: later - before, Unit: "B", Against: "after 1", Other: after - before,
		Ratio: (later - before) / (after - before)}, atMost(2.5), (later-before)/(after-before))
	if err := b.exec(ctx, "drop table blog."+status); err != nil {
		return err
	}
	if err := b.dropHowdah(ctx, topic, []string{name}); err != nil {
		return err
	}
	if err := b.exec(ctx, "select blog.drop_topic($1, '{}')", old); err != nil {
		return err
	}
	return b.appendWAL(ctx)
}

// appendWAL measures what an event in a batch of 1,000 writes to the log with 10 consumers.
func (b *bench) appendWAL(ctx context.Context) error {
	const batches = 50
	topic, names, err := b.howdahTopic(ctx, 10)
	if err != nil {
		return err
	}
	old, oldNames, err := b.blogTopic(ctx, 10)
	if err != nil {
		return err
	}
	measure := func(table, column string) (float64, error) {
		step := copyBatch(table, column)
		bytes, err := b.wal(ctx, func() error {
			return b.pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
				for range batches {
					if _, err := step(ctx, c); err != nil {
						return err
					}
				}
				return nil
			})
		})
		return bytes / batches / batchRows, err
	}
	ours, err := measure("events."+topic, "payload")
	if err != nil {
		return err
	}
	theirs, err := measure("blog."+old, "data")
	if err != nil {
		return err
	}
	b.compare("state", "WAL per event appended, 10 consumers", "B", []float64{ours}, "blog", []float64{theirs}, nil)
	if err := b.exec(ctx, "select blog.drop_topic($1, $2)", old, oldNames); err != nil {
		return err
	}
	return b.dropHowdah(ctx, topic, names)
}

// settle does what upkeep and autovacuum would do in time, with a history of a quarter of a pass.
func (b *bench) settle(ctx context.Context) error {
	if err := b.exec(ctx, "update howdah.setting set value = $1::int::text where name = 'history_claims'", b.o.Rows/400); err != nil {
		return err
	}
	for range 4 {
		if err := b.db.Upkeep(ctx); err != nil {
			return err
		}
	}
	return b.exec(ctx, "vacuum howdah.claims, howdah.extension, howdah.pending")
}

func (b *bench) stateBytes(ctx context.Context) (n float64, err error) {
	err = b.pool.QueryRow(ctx, `select sum(pg_total_relation_size(r::regclass))
		from unnest(array['howdah.claims', 'howdah.extension', 'howdah.pending', 'howdah.dead', 'howdah.folded']) r`).Scan(&n)
	return n, err
}

// wal is how many bytes the server wrote to its log during f.
func (b *bench) wal(ctx context.Context, f func() error) (n float64, err error) {
	var from string
	if err := b.pool.QueryRow(ctx, "select pg_current_wal_insert_lsn()::text").Scan(&from); err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	err = b.pool.QueryRow(ctx, "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::float8", from).Scan(&n)
	return n, err
}
