package eventlog

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	lookEvery    = 2 * time.Millisecond // while the stable id grows
	lookSlow     = time.Second          // at most, while a producer holds it
	soon         = 6 * time.Millisecond // how long Next waits
	lookPatience = 2 * time.Second      // with a connection that does not answer
)

// An Ask is what a worker that has drained a topic wants of the events that come next.
type Ask struct {
	Consumer string
	Batch    int
	Lease    time.Duration
	Reader   *Reader
	Once     bool // it wants to know when nothing is left
}

// Taken is a claim whose rows several consumers of the process may have claimed in the same look.
type Taken struct {
	Reservation
	shared *sharedRead // nil: nobody else
}

// A follower looks at the stable id of one topic for all workers of this process that wait for it to grow, so that many
// consumers ask no more often than one. The same look claims for them all, and what they all want is read once.
type follower struct {
	waiting []*waiter
	running bool
	stable  int64     // what was seen last
	since   time.Time // since when it has been the same
	next    time.Time // when the next look begins
}

// A waiter waits for a stable id above seen.
type waiter struct {
	ask   *Ask // nil: it only wants to know
	seen  int64
	quiet bool          // it also wants to know when no producer is open
	done  chan struct{} // closed with the answer

	looking  bool // a look for it is on its way
	last     bool // the next answer is for it in any case
	answered bool

	taken *Taken
	more  bool // nothing was claimed, and there may be something
}

// Next waits a moment, after a claim that took all there was up to seen, for the next events and claims them: where they
// come often, that is cheaper than to claim in vain and go to sleep. more: nothing was claimed, and there may be something.
func (w *Waker) Next(ctx context.Context, ask *Ask, seen int64, kicked <-chan struct{}) (taken *Taken, more bool, err error) {
	return w.follow(ctx, ask.Reader.Topic, &waiter{ask: ask, seen: seen}, soon, kicked)
}

// follow waits until there is an answer for x; at most for limit, and then for a look that has begun or is about to begin.
func (w *Waker) follow(ctx context.Context, topic int, x *waiter, limit time.Duration, kicked <-chan struct{}) (taken *Taken, more bool, err error) {
	x.done = make(chan struct{})
	timer := time.NewTimer(limit)
	defer timer.Stop()
	w.mu.Lock()
	if w.life.Err() != nil { // closed
		w.mu.Unlock()
		return nil, true, ctx.Err()
	}
	f := &w.topic(topic).follower
	f.waiting = append(f.waiting, x)
	if !f.running {
		f.running, f.since = true, time.Now()
		w.looks.Go(func() { w.keepLooking(topic, f) })
	}
	w.mu.Unlock()
	kick, late := false, false
	select {
	case <-x.done:
	case <-ctx.Done():
	case <-kicked:
		kick = true
	case <-timer.C:
		late = true
	}
	w.mu.Lock()
	x.last = true
	wait := x.answered || x.ask != nil && (x.looking || late && time.Until(f.next) <= lookEvery)
	if !wait {
		f.waiting = slices.DeleteFunc(f.waiting, func(y *waiter) bool { return y == x })
	}
	w.mu.Unlock()
	if !wait {
		return nil, kick, ctx.Err()
	}
	<-x.done
	if x.taken == nil {
		err = ctx.Err()
	}
	return x.taken, x.taken == nil && (x.more || kick), err
}

// keepLooking looks as long as somebody waits: often while the stable id grows, the less often the longer a producer holds it.
func (w *Waker) keepLooking(topic int, f *follower) {
	for {
		w.mu.Lock()
		asked := f.waiting
		f.waiting = nil
		f.running = len(asked) > 0
		for _, x := range asked {
			x.looking = true
		}
		began := time.Now()
		f.next = began
		w.mu.Unlock()
		if len(asked) == 0 {
			return
		}
		stable, marked, err := w.look(topic, asked)
		w.mu.Lock()
		if stable > f.stable {
			f.stable, f.since = stable, time.Now()
		}
		for _, x := range asked {
			x.looking = false
			if err == nil && stable <= x.seen && !(x.quiet && !marked) && !x.last {
				f.waiting = append(f.waiting, x)
				continue
			}
			x.answered = true
			x.more = err != nil || x.taken == nil && stable > x.seen
			close(x.done)
		}
		took := time.Since(began)
		pause := max(lookEvery-took, took/2) // on a busy machine, the pause lets the workers on
		if !slices.ContainsFunc(f.waiting, func(x *waiter) bool { return x.last }) {
			pause = max(pause, min(time.Since(f.since)/20, lookSlow))
		}
		if err != nil {
			pause = max(pause, soon)
			w.log.Debug("the consumers that follow a topic could not claim together", "topic", topic, "error", err)
		}
		f.next = time.Now().Add(pause)
		w.mu.Unlock()
		_, _, _ = sleep(w.life, pause, nil, nil) // when that has ended the next look fails, and everybody has an answer
	}
}

// look looks at the stable id and claims for those to whom it is news, in one transaction that does not wait for the disk.
func (w *Waker) look(topic int, waiting []*waiter) (stable int64, marked bool, err error) {
	ctx, cancel := context.WithTimeout(w.life, lookPatience)
	defer cancel()
	var (
		asked     []*waiter
		consumers []string
		seen      []int64
		batches   []int
		leases    []*string
	)
	for _, x := range waiting {
		if x.ask != nil {
			asked, consumers, seen = append(asked, x), append(consumers, x.ask.Consumer), append(seen, x.seen)
			batches, leases = append(batches, x.ask.Batch), append(leases, duration(x.ask.Lease))
		}
	}
	rows, err := w.pool.Query(ctx, `select r.stable, r.marked, coalesce(r.consumer, 0), coalesce(r.claim_id, 0), coalesce(r.first_id, 0),
			coalesce(r.last_id, 0), coalesce(r.events, 0), coalesce(r.lease_until, 'epoch'), r.drained_to
		from (select pg_catalog.set_config('synchronous_commit', 'off', true) offset 0) s,
		lateral howdah.reserve_next($1, $2, $3, $4, $5::text[]::interval[]) r where s.set_config = 'off'`,
		topic, consumers, seen, batches, leases)
	if err != nil {
		return 0, false, err
	}
	type row struct {
		Stable                           int64
		Marked                           bool
		Place                            int // from 1; 0: nothing was claimed
		ClaimID, FirstID, LastID, Events int64
		LeaseUntil                       time.Time
		DrainedTo                        *int64
	}
	made, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return 0, false, err
	}
	var taken []*Taken
	for _, v := range made {
		stable, marked = v.Stable, v.Marked
		if v.Place > 0 {
			one := &Taken{Reservation: Reservation{ClaimID: v.ClaimID, FirstID: v.FirstID, LastID: v.LastID,
				Events: int(v.Events), Attempt: 1, LeaseUntil: v.LeaseUntil, DrainedTo: v.DrainedTo}}
			asked[v.Place-1].taken = one
			taken = append(taken, one)
		}
	}
	shareReads(taken)
	return stable, marked, nil
}
