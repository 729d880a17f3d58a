package bench

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// snapshot compares producing and consuming while another transaction keeps a snapshot from the start, as an analyst's
// query or a backup does, with the same work without one. One round: it lasts as long as the option Hold says.
func (b *bench) snapshot(ctx context.Context) error {
	topic, old, err := b.backlog(ctx, b.o.Rows)
	if err != nil {
		return err
	}
	d := b.o.Hold
	work := map[string]func(context.Context) (float64, error){
		"producing": func(ctx context.Context) (float64, error) {
			t, names, err := b.howdahTopic(ctx, 1)
			if err != nil {
				return 0, err
			}
			rate, err := b.parallel(ctx, 2, d, copyBatch("events."+t, "payload"))
			if err != nil {
				return 0, err
			}
			return rate, b.dropHowdah(ctx, t, names)
		},
		"consuming": func(ctx context.Context) (float64, error) { return b.consumeRun(ctx, topic, 4, 100, d) },
		"blog":      func(ctx context.Context) (float64, error) { return b.consumeBlog(ctx, old, 4, 100, d) },
	}
	for _, name := range []string{"producing", "consuming", "blog"} {
		clean, err := work[name](ctx)
		if err != nil {
			return err
		}
		var held float64
		err = b.holding(ctx, func() (err error) {
			held, err = work[name](ctx)
			return err
		})
		if err != nil {
			return err
		}
		t, what := atLeast(0.9), name+", held"
		if name == "blog" {
			t, what = nil, "consuming in the blog's design, held"
		}
		b.compare("snapshot", what, "/s", []float64{held}, "clean", []float64{clean}, t)
	}
	if err := b.exec(ctx, "select blog.drop_topic($1, '{}')", old); err != nil {
		return err
	}
	return b.dropHowdah(ctx, topic, nil)
}

// holding calls f while a transaction keeps a snapshot open.
func (b *bench) holding(ctx context.Context, f func() error) error {
	return pgx.BeginTxFunc(ctx, b.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select count(*) from pg_class"); err != nil {
			return err
		}
		return f()
	})
}
