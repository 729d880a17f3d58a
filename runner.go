package howdah

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah/internal/eventlog"
)

// A runner is one call of Run: a claimer that reserves batches one after another, workers that read and handle them, and
// a keeper that extends the leases of all that is held here.
type runner struct {
	c      *Consumer
	o      runOptions
	reader *eventlog.Reader
	handle func(ctx context.Context, r *runner, j *job, batch []Event) error
	kick   chan struct{} // an ack or nack may have made something claimable
	life   context.Context
	acks   sync.WaitGroup
	acking chan struct{} // holds one for each claim whose ack is on its way

	mu   sync.Mutex
	held map[int64]*job
}

// maxAcking bounds the claims of a run that are done while their acks are on their way.
const maxAcking = 16

// givingBack bounds how long a run that stops waits for a database that does not answer.
const givingBack = 10 * time.Second

// A job is one claim on its way through this process.
type job struct {
	claim  Claim
	r      eventlog.Taken
	events []Event
	back   bool                    // some of it is to be delivered again
	acking bool                    // all of it is done, and its ack on its way
	cancel context.CancelCauseFunc // set while a handler works
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
	err := r.patiently(ctx, func() (err error) {
		if r.reader, err = eventlog.NewReader(ctx, c.db.pool, c.name); err != nil {
			return err
		}
		return c.db.pool.QueryRow(ctx, "select lease from howdah.describe_consumer($1::text)", c.name).Scan(&lease)
	})
	ended := func(err error) error {
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
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

	// Handlers outlive ctx by the grace period.
	work, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	stopGrace := context.AfterFunc(ctx, func() { time.AfterFunc(o.grace, func() { abort(ctx.Err()) }) })
	defer stopGrace()
	r.life, r.acking = work, make(chan struct{}, maxAcking)

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
	keeping, stopKeeping := context.WithCancel(work)
	keeper.Add(1)
	go func() { defer keeper.Done(); r.keep(keeping, lease) }()

	err = r.claim(ctx, work, jobs)
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
func (r *runner) claim(ctx, work context.Context, jobs chan<- *job) error {
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
			made, err = r.reserve(ctx, work, claims)
		}
		if err != nil {
			return err
		}
		next, more = nil, true
		if len(made) == 0 {
			idle := false
			err := r.patiently(ctx, func() (err error) {
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
				made, err := r.reserve(ctx, work, claims)
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
			r.giveBack(ctx, left)
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
func (r *runner) reserve(ctx, work context.Context, claims int) (made []*job, err error) {
	err = r.patiently(ctx, func() error {
		some, err := eventlog.Reserve(work, r.c.db.pool, r.c.name, r.o.batch, claims, r.o.lease, eventlog.Window{})
		if err != nil {
			return err
		}
		for _, v := range some {
			made = append(made, r.hold(eventlog.Taken{Reservation: v}))
		}
		return nil
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

// outliving is a context in which what is held can be handed back after ctx has ended.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), givingBack)
}

// giveBack hands back what no worker has begun, also when ctx has ended.
func (r *runner) giveBack(ctx context.Context, made []*job) {
	ctx, cancel := outliving(ctx)
	defer cancel()
	for _, j := range made {
		r.drop(j)
		if err := j.claim.Release(ctx); err != nil {
			r.c.db.log.Warn("a claim could not be handed back; it comes back when its lease has passed", "consumer", r.c.name, "error", err)
		}
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
	r.mu.Unlock()
	err := r.patiently(ctx, func() (err error) {
		j.events, err = r.reader.ReadTaken(ctx, r.c.db.pool, &j.r)
		return err
	})
	if err != nil {
		r.log(j).Warn("a claim could not be read; it comes back when its lease has passed", "error", err)
		return
	}
	if len(j.events) == 0 {
		err = r.ack(ctx, j, nil)
	} else {
		err = r.bisect(ctx, j, j.events)
	}
	r.note(j, err)
}

// note says why a claim could not be settled.
func (r *runner) note(j *job, err error) {
	switch {
	case err == nil:
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

// bisect handles a batch, and where the handler fails its halves, so that what fails alone is nacked alone.
func (r *runner) bisect(ctx context.Context, j *job, batch []Event) error {
	err := r.handle(ctx, r, j, batch)
	var settle *settleError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &settle):
		return err
	case ctx.Err() != nil:
		// Stopped, or the claim was lost, while the handler worked: that is no failure of its events.
		last, cancel := outliving(ctx)
		defer cancel()
		if _, err := eventlog.Release(last, r.c.db.pool, j.claim.ID); err != nil {
			return err
		}
		return context.Cause(ctx)
	case gone(err):
		// The database went away under the handler; its events are not to blame.
		j.back = true
		return r.patiently(ctx, func() error {
			_, err := eventlog.Release(ctx, r.c.db.pool, j.claim.ID)
			return err
		})
	case len(batch) == 1:
		return r.nack(ctx, j, batch[0].ID, err)
	}
	half := len(batch) / 2
	if err := r.bisect(ctx, j, batch[:half]); err != nil {
		return err
	}
	return r.bisect(ctx, j, batch[half:])
}

// ack acks some events of a claim, or all of it. A whole claim is acked in the background, where acks of many workers go
// together; until then the job counts as held.
func (r *runner) ack(ctx context.Context, j *job, ids []int64) error {
	if len(ids) == 0 {
		r.acking <- struct{}{}
		j.acking = true
		r.acks.Go(func() {
			ack := r.c.db.acker.AckSoon
			if r.reader.Ordered {
				ack = r.c.db.acker.Ack // what comes next waits for it
			}
			r.note(j, r.patiently(r.life, func() error {
				_, err := ack(r.life, j.claim.ID)
				return err
			}))
			r.drop(j)
			<-r.acking
		})
		return nil
	}
	return r.patiently(ctx, func() error {
		_, err := eventlog.Ack(ctx, r.c.db.pool, j.claim.ID, ids)
		return err
	})
}

func (r *runner) nack(ctx context.Context, j *job, id int64, reason error) error {
	j.back = true
	r.c.db.log.Debug("an event failed", "consumer", r.c.name, "id", id, "attempt", j.r.Attempt, "error", reason)
	return r.patiently(ctx, func() error {
		_, err := eventlog.Nack(ctx, r.c.db.pool, j.claim.ID, []int64{id}, reason.Error(), -1)
		return err
	})
}

// keep extends what is held here three times a lease. A handler whose claim is lost is told through its context.
func (r *runner) keep(ctx context.Context, lease time.Duration) {
	tick := time.NewTicker(max(lease/3, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.mu.Lock()
		jobs := make([]*job, 0, len(r.held))
		for _, j := range r.held {
			jobs = append(jobs, j)
		}
		r.mu.Unlock()
		for _, j := range jobs {
			_, err := eventlog.Extend(ctx, r.c.db.pool, j.claim.ID, r.o.lease)
			if err = wrap(err, "extend"); errors.Is(err, ErrClaimLost) {
				r.mu.Lock()
				if j.cancel != nil && r.held[j.claim.ID] == j {
					j.cancel(err)
				}
				r.mu.Unlock()
			}
		}
	}
}

// patiently calls f until it succeeds, fails for good, or ctx ends. Lost connections, a server that starts or stops, a
// failover and busy locks pass.
func (r *runner) patiently(ctx context.Context, f func() error) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := f()
		if err == nil || !passing(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if wait > 100*time.Millisecond {
			r.c.db.log.Warn("the database does not answer; trying again", "consumer", r.c.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}

// gone says whether an error that a handler returned means that the connection to the database was lost.
func gone(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return passing(err) && pg.Code[:2] != "40"
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}

// passing says whether an error may pass when one tries again.
func passing(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		// no answer from the server: the connection failed, or ctx ended
		return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	switch pg.Code[:2] {
	case "08", "53", "57", "58", "40": // connection, resources, shutdown and start-up, I/O, serialization
		return pg.Code != "57014" // a cancelled statement
	}
	return pg.Code == "55P03" || pg.Code == "25006" // a busy consumer; a standby that is being promoted
}
