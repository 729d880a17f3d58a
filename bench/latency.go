package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah"
)

const (
	latencyRate      = 1000 // events a second
	latencyConsumers = 5
	latencyProducers = 16
	blogPoll         = 10 * time.Millisecond // a worker of the blog's design that found nothing looks again after this
)

// latency measures the time from before an event is inserted until a handler of each of 5 consumers has it, with 1,000
// single-row inserts a second. The blog's workers poll every 10 ms.
func (b *bench) latency(ctx context.Context) error {
	var medians, high, inserts, blogMedians, blogHigh, blogInserts []float64
	_, err := b.interleave(ctx, []arm{
		{"howdah", func(ctx context.Context) (float64, error) {
			s, inserted, err := b.latencyHowdah(ctx)
			medians, high, inserts = append(medians, s.at(0.5)), append(high, s.at(0.99)), append(inserts, inserted.at(0.5))
			return 0, err
		}},
		{"blog", func(ctx context.Context) (float64, error) {
			s, inserted, err := b.latencyBlog(ctx)
			blogMedians, blogHigh, blogInserts = append(blogMedians, s.at(0.5)), append(blogHigh, s.at(0.99)), append(blogInserts, inserted.at(0.5))
			return 0, err
		}},
	})
	if err != nil {
		return err
	}
	// the targets are on the milliseconds, not on the ratio
	bounded := func(what string, v, other []float64, t *target) {
		ratios := make([]float64, len(v))
		for i := range v {
			ratios[i] = v[i] / other[i]
		}
		b.add(Line{Measurement: "latency", Case: what, Unit: "ms", Value: median(v), Against: "blog, polling", Other: median(other), Ratio: median(ratios)},
			t, median(v))
	}
	bounded("median", medians, blogMedians, atMost(5))
	bounded("until durable, median", inserts, blogInserts, nil)
	bounded("p99", high, blogHigh, atMost(25))
	return nil
}

// samples are times in milliseconds, taken by many goroutines. Those of the first tenth of the round are left out.
type samples struct {
	mu    sync.Mutex
	after time.Time
	ms    []float64
}

// see notes the age of the events whose payloads carry the time when they were sent.
func (s *samples) see(payload []byte) {
	var e struct{ At int64 }
	if json.Unmarshal(payload, &e) != nil {
		return
	}
	s.add(time.Unix(0, e.At))
}

// add notes how long ago a time was.
func (s *samples) add(at time.Time) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.After(s.after) {
		s.ms = append(s.ms, float64(now.Sub(at))/1e6)
	}
}

func (s *samples) at(q float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ms) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(s.ms))
	return v[min(len(v)-1, int(q*float64(len(v))))]
}

// produce inserts latencyRate events a second for a time. The clock of an event starts when it is due to be sent, so
// that waiting for a connection counts. inserted takes the times until the inserts were durable.
func (b *bench) produce(ctx context.Context, table, column string, d time.Duration, inserted *samples) error {
	due := make(chan time.Time, latencyRate)
	go func() {
		defer close(due)
		start := time.Now()
		for sent := 0; ; {
			past := time.Since(start)
			if past >= d || ctx.Err() != nil {
				return
			}
			for ; sent < int(past.Seconds()*latencyRate); sent++ {
				due <- time.Now()
			}
			time.Sleep(500 * time.Microsecond)
		}
	}()
	sql := "insert into " + table + " (" + column + ") values ($1)"
	_, err := b.parallel(ctx, latencyProducers, d+time.Minute, func(ctx context.Context, c *pgxpool.Conn) (int, error) {
		at, ok := <-due
		if !ok {
			return 0, nil
		}
		_, err := c.Exec(ctx, sql, fmt.Sprintf(`{"at": %d, "note": "%s%s"}`, at.UnixNano(), filler, filler[:80]))
		inserted.add(at)
		return 1, err
	})
	return err
}

func (b *bench) latencyHowdah(ctx context.Context) (seen, inserted *samples, err error) {
	topic, names, err := b.howdahTopic(ctx, latencyConsumers)
	if err != nil {
		return &samples{}, &samples{}, err
	}
	s, inserted := &samples{after: time.Now().Add(b.o.Round / 10)}, &samples{after: time.Now().Add(b.o.Round / 10)}
	running, stop := context.WithCancel(ctx)
	defer stop()
	errs := make(chan error, len(names))
	for _, n := range names {
		go func() {
			errs <- b.db.Consumer(n).Run(running, func(_ context.Context, events []howdah.Event) error {
				for _, e := range events {
					s.see(e.Payload)
				}
				return nil
			})
		}()
	}
	err = b.produce(ctx, "events."+topic, "payload", b.o.Round, inserted)
	stop()
	for range names {
		if e := <-errs; err == nil {
			err = e
		}
	}
	if err != nil {
		return s, inserted, err
	}
	return s, inserted, b.dropHowdah(ctx, topic, names)
}

func (b *bench) latencyBlog(ctx context.Context) (seen, inserted *samples, err error) {
	topic, names, err := b.blogTopic(ctx, latencyConsumers)
	if err != nil {
		return &samples{}, &samples{}, err
	}
	s, inserted := &samples{after: time.Now().Add(b.o.Round / 10)}, &samples{after: time.Now().Add(b.o.Round / 10)}
	running, stop := context.WithCancel(ctx)
	defer stop()
	errs := make(chan error, len(names))
	for _, n := range names {
		work := blogWorker(topic, n, 100, s.see)
		go func() {
			errs <- b.pool.AcquireFunc(running, func(c *pgxpool.Conn) error {
				for running.Err() == nil {
					n, err := work(running, c)
					if err != nil && running.Err() == nil {
						return err
					}
					if n == 0 {
						time.Sleep(blogPoll)
					}
				}
				return nil
			})
		}()
	}
	err = b.produce(ctx, "blog."+topic, "data", b.o.Round, inserted)
	stop()
	for range names {
		if e := <-errs; err == nil {
			err = e
		}
	}
	if err != nil {
		return s, inserted, err
	}
	return s, inserted, b.exec(ctx, "select blog.drop_topic($1, $2)", topic, names)
}
