package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/howdah/howdah"
)

// consumeAll consumes what there is, in batches of 100 with 4 workers.
func (b *bench) consumeAll(ctx context.Context, consumer string) error {
	return b.db.Consumer(consumer).Run(ctx, func(context.Context, []howdah.Event) error { return nil },
		howdah.Workers(4), howdah.Batch(100), howdah.UntilIdle())
}

// create measures how long it takes to make a consumer on old events, and to get its first batch.
func (b *bench) create(ctx context.Context) error {
	topic, old, err := b.backlog(ctx, b.o.Rows)
	if err != nil {
		return err
	}
	var made, first, blogMade []float64
	for range b.o.Rounds {
		name := b.fresh("consumer")
		start := time.Now()
		c, err := b.db.CreateConsumer(ctx, name, topic)
		if err != nil {
			return err
		}
		made = append(made, ms(start))
		start = time.Now()
		claim, err := c.Claim(ctx, 100)
		if err != nil {
			return err
		}
		if claim == nil || len(claim.Events) != 100 {
			return fmt.Errorf("the first claim of %s got no batch of 100", name)
		}
		first = append(first, ms(start))
		if _, err := claim.Ack(ctx); err != nil {
			return err
		}
		if err := b.db.DropConsumer(ctx, name); err != nil {
			return err
		}
		start = time.Now()
		if err := b.exec(ctx, "select blog.create_consumer($1, $2)", old, name); err != nil {
			return err
		}
		blogMade = append(blogMade, ms(start))
		for _, sql := range []string{fmt.Sprintf("drop trigger fill_%s on blog.%s", name, old), "drop table blog." + name,
			"drop function blog.fill_" + name + "()"} {
			if err := b.exec(ctx, sql); err != nil {
				return err
			}
		}
	}
	what := fmt.Sprintf("on %s old events", number(float64(b.o.Rows)))
	b.add(Line{Measurement: "create", Case: what, Value: median(made), Unit: "ms", Against: "blog", Other: median(blogMade),
		Ratio: median(made) / median(blogMade)}, atMost(20), median(made))
	b.value("create", "first batch of 100", "ms", first, atMost(20))
	return b.dropHowdah(ctx, topic, nil)
}

func ms(start time.Time) float64 { return float64(time.Since(start)) / 1e6 }
