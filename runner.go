package howdah

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/howdah/howdah/internal/eventlog"
)

// A runner is one call of Run: a claimer that reserves batches one after another, workers that read and handle them, and
// a keeper that extends the leases of all that is held here.
type runner struct {
	c      *Consumer
	o      runOptions
	reader *eventlog.Reader
	handle func(ctx context.Context, r *runner, j *job, batch []Event) error
	kick   chan struct{}   // an ack or nack may have made something claimable
	life   context.Context // of what settles and hands back: it ends a while after the handlers' contexts
	acks   sync.WaitGroup
	acking chan struct{} // holds one for each claim whose ack is on its way

	mu   sync.Mutex
	held map[int64]*job
}

// maxAcking bounds the claims of a run that are done while their acks are on their way.
const maxAcking = 16

const (
	givingBack = 10 * time.Second // how long a run that stops waits at least for a database that does not answer
	settling   = 2 * time.Second  // how long what handlers finished at the end of the grace period may take to be settled
)

// A job is one claim on its way through this process.
type job struct {
	claim   Claim
	r       eventlog.Taken
	events  []Event
	back    bool                    // some of it is to be delivered again
	acking  bool                    // all of it is done, and its ack on its way
	retried bool                    // it was tried again after what looked like a lost connection
	lost    bool                    // the keeper was told that it is no longer held
	cancel  context.CancelCauseFunc // set while a handler works
}

func (c *Consumer) run(ctx context.Context, options []RunOption, handle func(context.Context, *runner, *job, []Event) error) error {
	o := runOptions{workers: 1, batch: 100, grace: 10 * time.Second}
	for _, f := range options {
		f(&o)
	}
	if o.workers < 1 {
		o.workers = 1
	}
	r := &runner{c: c, o: o, handle: handle, kick: make(chan struct{}, 1), held: map[int64]*job{}}
	var lease time.Duration
	err := r.patiently(ctx, func(ctx context.Context) (err error) {
		if r.reader, err = eventlog.NewReader(ctx, c.db.pool, c.name); err != nil {
			return err
		}
		return c.db.pool.QueryRow(ctx, "select lease from howdah.describe_consumer($1::text)", c.name).Scan(&lease)
	})
	ended := func(err error) error {
		if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
			return nil
		}
		return wrap(err, "run %s", c.name)
	}
	if err != nil {
		return ended(err)
	}
	if o.lease > 0 {
		lease = o.lease
	}

	// Handlers outlive ctx by the grace period, and what settles their claims outlives them.
	work, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(o.grace, func() { abort(ctx.Err()) })
		time.AfterFunc(max(o.grace+settling, givingBack), end)
	})()
	r.life, r.acking = life, make(chan struct{}, maxAcking)

	jobs := make(chan *job)
	var workers, keeper sync.WaitGroup
	for range o.workers {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for j := range jobs {
				r.work(work, j)
			}
		}()
	}
	keeping, stopKeeping := context.WithCancel(life)
	keeper.Add(1)
	go func() { defer keeper.Done(); r.keep(keeping, lease) }()

	err = r.claim(ctx, jobs)
	close(jobs)
	workers.Wait()
	r.acks.Wait()
	stopKeeping()
	keeper.Wait()
	return ended(err)
}

// claim reserves batches for the workers until ctx ends. A batch that no worker has begun is handed back then. A
// reservation on its way outlives ctx, as handlers do: nobody would hold what it claims until the lease has passed.
//
// It asks for a claim for each worker, and for more while they are done within a moment: several claims in one call cost
// the database little more than one. Then it also asks for the next ones while the workers have these, because to wait for
// them was two fifths of the workers' time. Slow workers leave what they have not begun to other processes.
func (r *runner) claim(ctx context.Context, jobs chan<- *job) error {
	ask := &eventlog.Ask{Consumer: r.c.name, Batch: r.o.batch, Lease: r.o.lease, Reader: r.reader, Once: r.o.once}
	claims := r.o.workers
	var next *eventlog.Taken // what came while this run waited for news
	more := true             // otherwise nothing is left to claim now
	var ahead chan reserved  // what is being reserved while the workers are busy
	for {
		var made []*job
		var err error
		switch {
		case ahead != nil:
			got := <-ahead
			made, err, ahead = got.made, got.err, nil
		case next != nil:
			made = []*job{r.hold(*next)}
		case more:
			made, err = r.reserve(ctx, claims)
		}
		if err != nil {
			return err
		}
		next, more = nil, true
		if len(made) == 0 {
			idle := false
			err := r.retry(ctx, func() (err error) {
				if r.o.once && !r.busy() {
					if idle, err = eventlog.Idle(ctx, r.c.db.pool, r.c.name); idle || err != nil {
						return err
					}
				}
				next, more, err = r.c.db.wakerOf().Wait(ctx, r.c.name, ask, r.kick)
				return err
			})
			if err != nil || idle {
				return err
			}
			continue
		}
		drained := made[len(made)-1].r.DrainedTo
		if claims > r.o.workers && len(made) == claims && drained == nil {
			ahead = make(chan reserved, 1)
			go func(claims int, done chan<- reserved) {
				made, err := r.reserve(ctx, claims)
				done <- reserved{made, err}
			}(claims, ahead)
		}
		began := time.Now()
		for i, j := range made {
			select {
			case jobs <- j:
				continue
			case <-ctx.Done():
			}
			left := made[i:]
			if ahead != nil {
				left = append(left, (<-ahead).made...)
			}
			r.giveBack(left)
			return ctx.Err()
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			claims = max(claims/2, r.o.workers)
		} else if len(made) == claims && took < 20*time.Millisecond {
			claims = min(2*claims, 4*r.o.workers)
		}
		if drained != nil {
			var err error
			if next, more, err = r.c.db.wakerOf().Next(ctx, ask, *drained, r.kick); err != nil {
				return err
			}
		}
	}
}

// reserved is what a call of reserve returned.
type reserved struct {
	made []*job
	err  error
}

// reserve makes at most claims claims, which are held from then on.
func (r *runner) reserve(ctx context.Context, claims int) (made []*job, err error) {
	err = r.retry(ctx, func() error {
		var some []eventlog.Reservation
		err := eventlog.Within(r.life, answering, func(ctx context.Context) (err error) {
			some, err = eventlog.Reserve(ctx, r.c.db.pool, r.c.name, r.o.batch, claims, r.o.lease, eventlog.Window{})
			return err
		})
		for _, v := range some {
			made = append(made, r.hold(eventlog.Taken{Reservation: v}))
		}
		return err
	})
	return made, err
}

// hold makes a job of a claim, which is kept alive until it is dropped.
func (r *runner) hold(v eventlog.Taken) *job {
	j := &job{r: v, claim: Claim{ID: v.ClaimID, LeaseUntil: v.LeaseUntil.UTC(), db: r.c.db}}
	r.mu.Lock()
	r.held[v.ClaimID] = j
	r.mu.Unlock()
	return j
}

// giveBack hands back what no worker has begun, also when ctx has ended.
func (r *runner) giveBack(made []*job) {
	for _, j := range made {
		r.drop(j)
		r.release(j)
	}
}

// release hands back what is left of a claim, also when the handlers' contexts have ended.
func (r *runner) release(j *job) {
	j.back = true
	err := r.patiently(r.life, j.claim.Release)
	if err != nil && !errors.Is(err, ErrClaimLost) {
		r.log(j).Warn("a claim could not be handed back; it comes back when its lease has passed", "error", err)
	}
}

func (r *runner) busy() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held) > 0
}

// drop forgets a job. The claimer looks again where its end may have made something claimable, or ended the run.
func (r *runner) drop(j *job) {
	r.mu.Lock()
	delete(r.held, j.claim.ID)
	r.mu.Unlock()
	if j.back || r.o.once || r.reader.Ordered {
		select {
		case r.kick <- struct{}{}:
		default:
		}
	}
}

// work reads one batch and handles it.
func (r *runner) work(ctx context.Context, j *job) {
	defer func() {
		if !j.acking {
			r.drop(j)
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.mu.Lock()
	j.cancel = cancel
	lost := j.lost
	r.mu.Unlock()
	if lost {
		j.back = true
		return
	}
	err := r.read(ctx, j)
	switch {
	case err != nil && ctx.Err() != nil:
		r.release(j)
	case err != nil:
		r.log(j).Warn("a claim could not be read; it comes back when its lease has passed", "error", err)
	case len(j.events) == 0:
		r.note(j, r.ack(j, nil))
	default:
		r.note(j, r.bisect(ctx, j, j.events))
	}
}

// read reads the events of a claim.
func (r *runner) read(ctx context.Context, j *job) error {
	return r.patiently(ctx, func(ctx context.Context) error {
		events, err := r.reader.ReadTaken(ctx, r.c.db.pool, &j.r)
		if err == nil {
			j.events = events
		}
		return err
	})
}

// again reads a part of a claim once more: its first reading belongs to the handler that got it.
func (r *runner) again(ctx context.Context, j *job, first, last int64) ([]Event, error) {
	if err := r.read(ctx, j); err != nil {
		return nil, err
	}
	return eventlog.Between(j.events, first, last), nil
}

// note says why a claim could not be settled.
func (r *runner) note(j *job, err error) {
	switch {
	case err == nil, errors.Is(err, errBack):
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		j.back = true
		r.log(j).Info("a handler was stopped before it was done; what it had not finished is delivered again")
	default:
		j.back = true
		r.log(j).Warn("a claim could not be settled; what is left of it is delivered again", "error", err)
	}
}

func (r *runner) log(j *job) *slog.Logger {
	return r.c.db.log.With("consumer", r.c.name, "claim", j.claim.ID)
}

// errBack ends a batch whose rest was handed back.
var errBack = errors.New("the rest was handed back")

// bisect handles a batch, and where the handler fails its halves, so that what fails alone is nacked alone. In an ordered
// consumer what comes behind that is handed back, because it waits for the retry. A batch is the handler's, which may have
// changed it, so its halves are read again.
func (r *runner) bisect(ctx context.Context, j *job, batch []Event) error {
	n, first, last := len(batch), batch[0].ID, batch[len(batch)-1].ID
	err := r.handle(ctx, r, j, batch)
	var settle *settleError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &settle):
		if ctx.Err() != nil {
			r.release(j)
		}
		return err
	case ctx.Err() != nil:
		// Stopped, or the claim was lost, while the handler worked: that is no failure of its events.
		r.release(j)
		return context.Cause(ctx)
	case gone(err) && r.away(ctx):
		// The database went away under the handler; its events are not to blame.
		r.release(j)
		return errBack
	case gone(err) && !j.retried:
		// A connection was lost, or the handler has an error of its own that looks so.
		j.retried = true
		if batch, err = r.again(ctx, j, first, last); err != nil || len(batch) == 0 {
			return err
		}
		return r.bisect(ctx, j, batch)
	case n == 1:
		if err := r.nack(j, first, err); err != nil || !r.reader.Ordered || first == j.events[len(j.events)-1].ID {
			return err
		}
		r.release(j)
		return errBack
	}
	if batch, err = r.again(ctx, j, first, last); err != nil {
		return err
	}
	for _, half := range [][]Event{batch[: len(batch)/2 : len(batch)/2], batch[len(batch)/2:]} {
		if len(half) == 0 {
			continue // some were deleted meanwhile
		}
		if err := r.bisect(ctx, j, half); err != nil {
			return err
		}
	}
	return nil
}

// ack acks some events of a claim, or all of it. A whole claim is acked in the background, where acks of many workers go
// together; until then the job counts as held.
func (r *runner) ack(j *job, ids []int64) error {
	if len(ids) == 0 {
		r.acking <- struct{}{}
		j.acking = true
		r.acks.Go(func() {
			ack := r.c.db.acker.AckSoon
			if r.reader.Ordered {
				ack = r.c.db.acker.Ack // what comes next waits for it
			}
			r.note(j, r.retry(r.life, func() error {
				_, err := ack(r.life, j.claim.ID)
				return err
			}))
			r.drop(j)
			<-r.acking
		})
		return nil
	}
	return r.patiently(r.life, func(ctx context.Context) error {
		_, err := eventlog.Ack(ctx, r.c.db.pool, j.claim.ID, ids)
		return err
	})
}

func (r *runner) nack(j *job, id int64, reason error) error {
	j.back = true
	r.c.db.log.Debug("an event failed", "consumer", r.c.name, "id", id, "attempt", j.r.Attempt, "error", reason)
	return r.patiently(r.life, func(ctx context.Context) error {
		_, err := eventlog.Nack(ctx, r.c.db.pool, j.claim.ID, []int64{id}, reason.Error(), -1)
		return err
	})
}
