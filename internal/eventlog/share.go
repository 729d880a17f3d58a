package eventlog

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A sharedRead is one read of rows that several consumers have claimed at the same moment.
type sharedRead struct {
	all    Reservation // what they have claimed together
	begun  atomic.Bool
	done   chan struct{} // closed when events and err are set
	events []Event
	err    error
}

// shareReads has claims that overlap read their rows together.
func shareReads(taken []*Taken) {
	slices.SortFunc(taken, func(x, y *Taken) int { return cmp.Compare(x.FirstID, y.FirstID) })
	for len(taken) > 1 {
		all, n := taken[0].Reservation, 1
		for n < len(taken) && taken[n].FirstID <= all.LastID {
			all.LastID = max(all.LastID, taken[n].LastID)
			all.Events += taken[n].Events // at most
			n++
		}
		if n > 1 {
			all.Events = min(all.Events, int(all.LastID-all.FirstID+1))
			shared := &sharedRead{all: all, done: make(chan struct{})}
			for _, v := range taken[:n] {
				v.shared = shared
			}
		}
		taken = taken[n:]
	}
}

// ReadTaken is Read for a claim that others may have made too: who comes first reads for all. What they get is their own, so
// that nobody sees what another one's handler does to a payload.
func (r *Reader) ReadTaken(ctx context.Context, pool *pgxpool.Pool, v *Taken) ([]Event, error) {
	if s := v.shared; s != nil {
		if s.begun.CompareAndSwap(false, true) {
			s.events, s.err = r.Read(ctx, pool, s.all)
			close(s.done)
		}
		select {
		case <-s.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if own := s.of(v.Reservation); own != nil {
			return own, nil
		}
	}
	return r.Read(ctx, pool, v.Reservation)
}

// of copies the events of one claim. nil: they could not be read together, or some were deleted since they were claimed.
func (s *sharedRead) of(v Reservation) []Event {
	part := Between(s.events, v.FirstID, v.LastID)
	if s.err != nil || len(part) != v.Events {
		return nil
	}
	own := slices.Clone(part)
	var bytes slab
	for i := range own {
		e := &own[i]
		e.Attempt, e.Payload, e.Headers = v.Attempt, bytes.keep(e.Payload), bytes.keep(e.Headers)
	}
	return own
}

// Between is the part of events, which ascend by id, from the id first to the id last.
func Between(events []Event, first, last int64) []Event {
	at := func(id int64) int {
		i, _ := slices.BinarySearchFunc(events, id, func(e Event, id int64) int { return cmp.Compare(e.ID, id) })
		return i
	}
	from, until := at(first), at(last+1)
	return events[from:until:until]
}
