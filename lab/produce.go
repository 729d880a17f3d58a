package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/sim"
)

// tick is the payload of a clock event.
type tick struct {
	At  time.Time `json:"at"`
	Day bool      `json:"day"` // a scenario day begins
}

// tickEvery is how often the clock is published.
const tickEvery = time.Hour

// maxPublish is how many events go into one transaction of the producer.
const maxPublish = 20_000

// publish publishes everything that arrives before until and has not been published, with the ticks of the clock up to
// it. The position is stored with the events, so a restart goes on exactly there. It returns how many events.
func (l *Lab) publish(ctx context.Context, until time.Time) (n int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		more, published, err := l.publishSome(ctx, until)
		n += published
		if err != nil {
			l.feed = nil
			return n, fmt.Errorf("publish: %w", err)
		}
		if !more {
			return n, nil
		}
	}
}

func (l *Lab) publishSome(ctx context.Context, until time.Time) (more bool, n int, err error) {
	err = pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		var pos sim.Position
		var arrived time.Time
		ids := map[string]int64{}
		var faults []injection
		err := tx.QueryRow(ctx, "select position, arrived_until, ids, injected from lab.settings for update").Scan(&pos, &arrived, &ids, &faults)
		if err != nil {
			return err
		}
		if !arrived.Before(until) {
			return nil
		}
		if l.feed == nil || l.feed.Position() != pos {
			l.feed = sim.NewFeed(l.scenario.World(), pos)
		}
		if err := l.investigate(ctx, tx, arrived.UTC()); err != nil {
			return err
		}
		through := until
		var due []sim.Event
		for len(due) < maxPublish {
			events, err := l.feed.Take(until, maxPublish-len(due))
			if err != nil {
				return err
			}
			if len(events) == 0 {
				break
			}
			due = append(due, events...)
			through = events[len(events)-1].ArrivesAt
		}
		if more = len(due) >= maxPublish; !more {
			through = until
		}
		labels, err := l.investigated(ctx, tx, arrived, through)
		if err != nil {
			return err
		}
		if len(labels) > 0 {
			due = append(due, labels...)
			slices.SortStableFunc(due, func(a, b sim.Event) int { return a.ArrivesAt.Compare(b.ArrivesAt) })
		}
		n = len(due)
		streams := map[string][]howdah.Event{}
		for i := range due {
			if e, keep := inject(&l.shape, faults, &due[i]); keep {
				streams[e.Stream] = append(streams[e.Stream], envelope(&e))
			}
		}
		for t := later(arrived.Truncate(tickEvery).Add(tickEvery), l.info.GoLive); !t.After(through); t = t.Add(tickEvery) {
			payload, err := json.Marshal(tick{At: t.UTC(), Day: l.beginsDay(t)})
			if err != nil {
				return err
			}
			streams[topicClock] = append(streams[topicClock], howdah.Event{Payload: payload, EventTime: t})
		}
		if len(streams[topicClock]) > 0 {
			// Who asks about an instant before takes the next row there is, and waits for more than it needs; it has long come.
			if _, err := tx.Exec(ctx, "delete from lab.batches where arrived_until < $1::timestamptz - interval '24 h'", through); err != nil {
				return err
			}
		}
		for topic, events := range streams {
			id, err := l.db.Topic(topic).PublishTx(ctx, tx, events...)
			if err != nil {
				return err
			}
			ids[topic] = id
		}
		if n > 0 || len(streams) > 0 || !more {
			_, err = tx.Exec(ctx, `insert into lab.batches (arrived_until, ids, events) values ($1, $2, $3)
				on conflict (arrived_until) do update set ids = excluded.ids, events = lab.batches.events + excluded.events`, through, ids, n)
			if err != nil {
				return err
			}
		}
		// Without waiting for the disk: what a crash of PostgreSQL takes, it takes together with the position.
		_, err = tx.Exec(ctx, `update lab.settings set position = $1, arrived_until = $2, ids = $3
			from (select set_config('synchronous_commit', 'off', true) offset 0) s`, l.feed.Position(), through, ids)
		return err
	})
	return more, n, err
}

func envelope(e *sim.Event) howdah.Event {
	h, _ := json.Marshal(headers{e.UUID(), e.Type, e.SchemaVersion, e.ArrivesAt}) // texts and a time
	return howdah.Event{Key: e.Key, Payload: e.Payload, Headers: h, EventTime: e.OccurredAt}
}

// dayOf is the scenario day of an instant.
func (l *Lab) dayOf(t time.Time) int { return sim.DayOf(l.info.Epoch, t) }

func (l *Lab) dayStart(day int) time.Time { return sim.DayStart(l.info.Epoch, day) }

// beginsDay is whether a scenario day begins at an instant.
func (l *Lab) beginsDay(t time.Time) bool { return t.Equal(l.dayStart(l.dayOf(t))) }

// readTicks reads a batch of clock events.
func readTicks(batch []howdah.Event) ([]tick, error) {
	ticks := make([]tick, len(batch))
	for i, e := range batch {
		if err := json.Unmarshal(e.Payload, &ticks[i]); err != nil {
			return nil, fmt.Errorf("clock event %d: %w", e.ID, err)
		}
		if ticks[i].At.IsZero() {
			return nil, errors.New("a clock event has no time")
		}
	}
	return ticks, nil
}
