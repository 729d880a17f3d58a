package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

var consumerCounts = []int{0, 1, 3, 10}

// append compares batches of 1,000 with a number of consumers, and with a bare COPY into a table without any index. All
// tables are new in every round.
func (b *bench) append(ctx context.Context) error {
	var arms []arm
	for _, n := range consumerCounts {
		arms = append(arms,
			arm{fmt.Sprint("howdah ", n), func(ctx context.Context) (float64, error) { return b.appendHowdah(ctx, n) }},
			arm{fmt.Sprint("blog ", n), func(ctx context.Context) (float64, error) { return b.appendBlog(ctx, n) }})
	}
	arms = append(arms, arm{"bare", b.appendBare})
	got, err := b.interleave(ctx, arms)
	if err != nil {
		return err
	}
	for _, n := range consumerCounts {
		var t *target
		if n == 10 {
			t = atLeast(15)
		}
		b.compare("append", fmt.Sprintf("%d consumers", n), "/s", got[fmt.Sprint("howdah ", n)], "blog", got[fmt.Sprint("blog ", n)], t)
	}
	b.compare("append", "10 consumers", "/s", got["howdah 10"], "0 consumers", got["howdah 0"], atLeast(0.95))
	b.compare("append", "0 consumers", "/s", got["howdah 0"], "bare COPY, no index", got["bare"], atLeast(0.55))
	return nil
}

func (b *bench) appendHowdah(ctx context.Context, consumers int) (float64, error) {
	topic, names, err := b.howdahTopic(ctx, consumers)
	if err != nil {
		return 0, err
	}
	rate, err := b.parallel(ctx, 2, b.o.Round, copyBatch("events."+topic, "payload"))
	if err != nil {
		return 0, err
	}
	return rate, b.dropHowdah(ctx, topic, names)
}

func (b *bench) appendBlog(ctx context.Context, consumers int) (float64, error) {
	topic, names, err := b.blogTopic(ctx, consumers)
	if err != nil {
		return 0, err
	}
	rate, err := b.parallel(ctx, 2, b.o.Round, copyBatch("blog."+topic, "data"))
	if err != nil {
		return 0, err
	}
	return rate, b.exec(ctx, "select blog.drop_topic($1, $2)", topic, names)
}

func (b *bench) appendBare(ctx context.Context) (float64, error) {
	topic, _, err := b.howdahTopic(ctx, 0)
	if err != nil {
		return 0, err
	}
	if err := b.exec(ctx, fmt.Sprintf("create table plain.%s (like events.%s including defaults including identity)", topic, topic)); err != nil {
		return 0, err
	}
	rate, err := b.parallel(ctx, 2, b.o.Round, copyBatch("plain."+topic, "payload"))
	if err != nil {
		return 0, err
	}
	if err := b.exec(ctx, "drop table plain."+topic); err != nil {
		return 0, err
	}
	return rate, b.dropHowdah(ctx, topic, nil)
}

// single compares single-row inserts, one a transaction, on 16 connections: into a topic, into the same table without
// Howdah's triggers, and into that with a lock per topic that is held until commit.
func (b *bench) single(ctx context.Context) error {
	topic, names, err := b.howdahTopic(ctx, 3)
	if err != nil {
		return err
	}
	for _, name := range []string{"untouched", "locked"} {
		if err := b.exec(ctx, fmt.Sprintf("create table plain.%s (like events.%s including all)", name, topic)); err != nil {
			return err
		}
	}
	if err := b.exec(ctx, "create trigger take_lock before insert on plain.locked for each statement execute function plain.take_lock()"); err != nil {
		return err
	}
	old, oldNames, err := b.blogTopic(ctx, 3)
	if err != nil {
		return err
	}
	insert := func(table, column string) func(context.Context) (float64, error) {
		sql := "insert into " + table + " (" + column + ") values ($1)"
		return func(ctx context.Context) (float64, error) {
			return b.parallel(ctx, 16, b.o.Round, func(ctx context.Context, c *pgxpool.Conn) (int, error) {
				_, err := c.Exec(ctx, sql, payload(7))
				return 1, err
			})
		}
	}
	got, err := b.interleave(ctx, []arm{
		{"howdah", insert("events."+topic, "payload")},
		{"untouched", insert("plain.untouched", "payload")},
		{"locked", insert("plain.locked", "payload")},
		{"blog", insert("blog."+old, "data")},
	})
	if err != nil {
		return err
	}
	const what = "16 connections, 3 consumers"
	b.compare("single", what, "/s", got["howdah"], "no triggers", got["untouched"], atLeast(0.7))
	b.compare("single", what, "/s", got["howdah"], "lock per topic", got["locked"], atLeast(2.5))
	b.compare("single", what, "/s", got["howdah"], "blog", got["blog"], nil)
	if err := b.exec(ctx, "drop table plain.untouched, plain.locked"); err != nil {
		return err
	}
	if err := b.exec(ctx, "select blog.drop_topic($1, $2)", old, oldNames); err != nil {
		return err
	}
	return b.dropHowdah(ctx, topic, names)
}

func (b *bench) howdahTopic(ctx context.Context, consumers int) (topic string, names []string, err error) {
	topic = b.fresh("topic")
	if _, err := b.db.CreateTopic(ctx, topic); err != nil {
		return "", nil, err
	}
	for range consumers {
		name := b.fresh("consumer")
		if _, err := b.db.CreateConsumer(ctx, name, topic); err != nil {
			return "", nil, err
		}
		names = append(names, name)
	}
	return topic, names, nil
}

func (b *bench) dropHowdah(ctx context.Context, topic string, names []string) error {
	for _, n := range names {
		if err := b.db.DropConsumer(ctx, n); err != nil {
			return err
		}
	}
	return b.db.DropTopic(ctx, topic)
}

func (b *bench) blogTopic(ctx context.Context, consumers int) (topic string, names []string, err error) {
	topic, names = b.fresh("topic"), []string{}
	if err := b.exec(ctx, "select blog.create_topic($1)", topic); err != nil {
		return "", nil, err
	}
	for range consumers {
		name := b.fresh("consumer")
		if err := b.exec(ctx, "select blog.create_consumer($1, $2)", topic, name); err != nil {
			return "", nil, err
		}
		names = append(names, name)
	}
	return topic, names, nil
}
