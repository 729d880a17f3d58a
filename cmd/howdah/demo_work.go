package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

const (
	demoTopic  = "demo_payments"
	demoLate   = "demo_late"
	lateAfter  = 5 * time.Second
	burstEvery = 8 * time.Second
	burstSize  = 1000
)

type demo struct {
	a      *app
	db     *howdah.DB
	logs   *logWriter
	title  string
	made   atomic.Int64 // events published by this run
	counts map[string]*tally
}

// tally counts what a consumer was handed in this run.
type tally struct{ events atomic.Int64 }

type demoConsumer struct {
	name string
	run  func(context.Context) error
}

type payment struct {
	Card     string  `json:"card"`
	Merchant string  `json:"merchant"`
	Amount   float64 `json:"amount"`
	City     string  `json:"city"`
}

// prepare makes what the demo needs; on a second start it is there already.
func (d *demo) prepare(ctx context.Context) error {
	t, err := d.db.CreateTopic(ctx, demoTopic, howdah.Partitions(4))
	if err != nil {
		return err
	}
	info, err := t.Info(ctx)
	if err != nil {
		return err
	}
	if _, err := d.db.Pool().Exec(ctx, `create table if not exists public.demo_audit
		(event_id bigint primary key, card text, amount numeric, booked_at timestamptz not null default now())`); err != nil {
		return fmt.Errorf("create table demo_audit: %w", err)
	}
	if info.LastID == 0 { // the topic is new; rows of an older one would be taken for its own
		if _, err := d.db.Pool().Exec(ctx, "truncate public.demo_audit"); err != nil {
			return fmt.Errorf("empty table demo_audit: %w", err)
		}
	}
	for name, options := range map[string][]howdah.ConsumerOption{
		"demo_scoring": {howdah.Ordered()}, "demo_audit": nil, "demo_slow": nil, "demo_picky": {howdah.MaxAttempts(2)},
	} {
		if _, err := d.db.CreateConsumer(ctx, name, demoTopic, options...); err != nil {
			return err
		}
		d.counts[name] = &tally{}
	}
	d.counts[demoLate] = &tally{}
	return nil
}

func (d *demo) consumers() []demoConsumer {
	return []demoConsumer{
		{"demo_scoring", func(ctx context.Context) error {
			return d.db.Consumer("demo_scoring").Run(ctx, d.score(), howdah.Workers(4), howdah.Batch(50))
		}},
		{"demo_audit", func(ctx context.Context) error {
			return d.db.Consumer("demo_audit").RunTx(ctx, d.audit, howdah.Workers(2), howdah.Batch(200))
		}},
		{"demo_slow", func(ctx context.Context) error {
			return d.db.Consumer("demo_slow").Run(ctx, d.slow, howdah.Workers(3), howdah.Batch(20), howdah.Grace(2*time.Second))
		}},
		{"demo_picky", func(ctx context.Context) error {
			return d.db.Consumer("demo_picky").Run(ctx, d.picky, howdah.Batch(100))
		}},
	}
}

// produce publishes a few payments a second from each of four goroutines, and a burst now and then. It knows no
// consumer. It rides out a database that is away.
func (d *demo) produce(ctx context.Context) error {
	t := d.db.Topic(demoTopic)
	publish := func(events ...howdah.Event) error {
		return patiently(ctx, func() error {
			// Not cut at the end of the demo: whether an event that was cut is published is not known.
			whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_, err := t.Publish(whole, events...)
			if err == nil {
				d.made.Add(int64(len(events)))
			}
			return err
		})
	}
	failed := make(chan error, 5)
	var all sync.WaitGroup
	for n := range 5 {
		all.Go(func() {
			for ctx.Err() == nil {
				size, wait := 1, time.Duration(80+rand.IntN(240))*time.Millisecond
				if n == 4 {
					size, wait = burstSize, burstEvery
				}
				if pause(ctx, wait) != nil {
					return
				}
				events := make([]howdah.Event, size)
				for i := range events {
					events[i] = newPayment()
				}
				if err := publish(events...); err != nil && ctx.Err() == nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func newPayment() howdah.Event {
	cities := []string{"Milwaukee", "Chicago", "Madison", "Green Bay"}
	p := payment{Card: fmt.Sprintf("card-%03d", rand.IntN(200)), Merchant: fmt.Sprintf("shop-%02d", rand.IntN(40)),
		Amount: float64(100+rand.IntN(20000)) / 100, City: cities[rand.IntN(len(cities))]}
	if rand.IntN(400) == 0 {
		p.Amount = -p.Amount
	}
	b, _ := json.Marshal(p) // a struct of text and numbers
	return howdah.Event{Key: p.Card, Payload: b, EventTime: time.Now().UTC()}
}

// score keeps a sum for each card, which needs the payments of a card in their order, and proves that they came so.
func (d *demo) score() howdah.Handler {
	var mu sync.Mutex
	last := map[string]int64{}
	return func(_ context.Context, batch []howdah.Event) error {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range batch {
			if e.Key != "" && e.Attempt == 1 && e.ID <= last[e.Key] {
				return fmt.Errorf("card %s: event %d came after %d", e.Key, e.ID, last[e.Key])
			}
			last[e.Key] = max(last[e.Key], e.ID)
		}
		d.counts["demo_scoring"].events.Add(int64(len(batch)))
		return nil
	}
}

func (d *demo) audit(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
	rows := make([][]any, len(batch))
	for i, e := range batch {
		var p payment
		_ = json.Unmarshal(e.Payload, &p) // a payment of somebody else's shape is booked all the same
		rows[i] = []any{e.ID, p.Card, p.Amount}
	}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"public", "demo_audit"}, []string{"event_id", "card", "amount"}, pgx.CopyFromRows(rows))
	if err == nil {
		d.counts["demo_audit"].events.Add(int64(len(batch)))
	}
	return err
}

func (d *demo) slow(ctx context.Context, batch []howdah.Event) error {
	if err := pause(ctx, time.Duration(len(batch))*25*time.Millisecond); err != nil {
		return err
	}
	d.counts["demo_slow"].events.Add(int64(len(batch)))
	return nil
}

func (d *demo) picky(_ context.Context, batch []howdah.Event) error {
	failed := map[int64]error{}
	for _, e := range batch {
		var p payment
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			failed[e.ID] = err
		} else if p.Amount < 0 {
			failed[e.ID] = fmt.Errorf("amount is %v, which is negative", p.Amount)
		}
	}
	d.counts["demo_picky"].events.Add(int64(len(batch)))
	if len(failed) > 0 {
		return &howdah.FailedError{Events: failed}
	}
	return nil
}

// late makes a consumer in the middle of the traffic, which reads everything from the start.
func (d *demo) late(ctx, working context.Context) error {
	if pause(ctx, lateAfter) != nil {
		return nil
	}
	err := patiently(ctx, func() error {
		if err := d.db.DropConsumer(ctx, demoLate); err != nil && !errors.Is(err, howdah.ErrNotFound) {
			return err
		}
		_, err := d.db.CreateConsumer(ctx, demoLate, demoTopic)
		return err
	})
	if err != nil {
		return err
	}
	return d.db.Consumer(demoLate).Run(working, func(_ context.Context, batch []howdah.Event) error {
		d.counts[demoLate].events.Add(int64(len(batch)))
		return nil
	}, howdah.Batch(500))
}

// patiently tries again while the database is away.
func patiently(ctx context.Context, f func() error) error {
	for {
		err := f()
		if err == nil || ctx.Err() != nil || !howdah.IsTemporary(err) {
			return err
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
