package howdah

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/howdah/howdah/internal/docs"
)

// KeyTime is a key, and the time as of which its document is asked for.
type KeyTime struct {
	Key  string
	Time time.Time
}

// AsOfMany is the point-in-time join of a list: for each key and time, in their order, what was known at that time of what was
// true at that time. Where nothing was known, or (with a ttl above 0) only what was older, Doc is nil. It is one set operation.
// With KnownBy it takes what was known by then (KnownBy(time.Now()): what is known now) instead of what was known at each time.
func (c *Collection) AsOfMany(ctx context.Context, points []KeyTime, ttl time.Duration, options ...GetOption) ([]Document, error) {
	keys, times := make([]string, len(points)), make([]time.Time, len(points))
	for i, p := range points {
		keys[i], times[i] = p.Key, p.Time
	}
	found, err := docs.JoinAsOf(ctx, c.db.pool, c.name, keys, times, ttl, when(options).KnownBy)
	return found, wrap(err, "join %d points with %s", len(points), c.name)
}

// A Lookup is a collection that JoinAsOf joins events with.
type Lookup struct {
	Collection string
	TTL        time.Duration // above 0: what is older counts as unknown
	KnownBy    time.Time     // zero: take what was known at each event's time; else what was known by then
}

// A Moment is an event to be joined: its time, and its key for each lookup.
type Moment struct {
	Time  time.Time
	Keys  []string
	Event any // carried along
}

// Joined is an event with the document that each lookup has found; Doc is nil where nothing was known.
type Joined struct {
	Moment
	Docs []Document
}

// joinChunk is how many events JoinAsOf asks for at a time.
const joinChunk = 10000

// JoinAsOf is the point-in-time join of a stream of events with one or several collections: each event with what was known at its
// time, in the events' order. It reads a set of events at a time and asks one query of each collection, never one an event.
func (db *DB) JoinAsOf(ctx context.Context, events iter.Seq[Moment], lookups ...Lookup) iter.Seq2[Joined, error] {
	return func(yield func(Joined, error) bool) {
		chunk := make([]Joined, 0, joinChunk)
		flush := func() bool {
			if err := db.join(ctx, chunk, lookups); err != nil {
				yield(Joined{}, err)
				return false
			}
			for _, j := range chunk {
				if !yield(j, nil) {
					return false
				}
			}
			chunk = chunk[:0]
			return true
		}
		for m := range events {
			if len(m.Keys) != len(lookups) {
				yield(Joined{Moment: m}, fmt.Errorf("join: an event has %d keys for %d collections: %w", len(m.Keys), len(lookups), ErrInvalid))
				return
			}
			if chunk = append(chunk, Joined{Moment: m}); len(chunk) == joinChunk && !flush() {
				return
			}
		}
		if len(chunk) > 0 {
			flush()
		}
	}
}

func (db *DB) join(ctx context.Context, chunk []Joined, lookups []Lookup) error {
	all := make([]Document, len(chunk)*len(lookups)) // one allocation
	points := make([]KeyTime, len(chunk))
	for i := range chunk {
		chunk[i].Docs = all[i*len(lookups) : (i+1)*len(lookups) : (i+1)*len(lookups)]
	}
	for n, l := range lookups {
		for i, j := range chunk {
			points[i] = KeyTime{j.Keys[n], j.Time}
		}
		found, err := db.Collection(l.Collection).AsOfMany(ctx, points, l.TTL, KnownBy(l.KnownBy))
		if err != nil {
			return err
		}
		for i := range chunk {
			chunk[i].Docs[n] = found[i]
		}
	}
	return nil
}
