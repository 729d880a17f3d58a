package eventlog

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const ackPatience = 10 * time.Second // with a connection that does not answer, or a claim that another transaction has locked

// gather is how long an ack that nobody waits for may wait for others: fewer transactions, fewer waits for the disk, and 1.03
// times as many events a second with 4 workers and batches of 1,000.
const gather = 2 * time.Millisecond

// enough acks need not wait for more.
const enough = 8

// maxTogether is how many claims are acked in one transaction.
const maxTogether = 256

// An Acker acks whole claims for all workers of a process, in one transaction where they come together: what arrives while
// some is on its way goes in the next. For small batches most of what an ack costs is the transaction.
type Acker struct {
	pool   *pgxpool.Pool
	hurry  chan struct{} // somebody waits, or there are enough
	single chan struct{} // holds one for each ack that is on its way alone

	mu      sync.Mutex
	waiting []*pendingAck
	running bool
}

type pendingAck struct {
	claim int64
	done  chan struct{} // closed when n and err are set
	n     int64
	err   error
}

// NewAcker makes an acker; it needs no end.
func NewAcker(pool *pgxpool.Pool) *Acker {
	return &Acker{pool: pool, hurry: make(chan struct{}, 1), single: make(chan struct{}, 4)}
}

// Ack acks a claim as Ack with no ids does, and returns when that is durable. When ctx ends before, it may still happen.
func (a *Acker) Ack(ctx context.Context, claim int64) (int64, error) {
	return a.add(ctx, claim, 1).wait(ctx)
}

// AckSoon is Ack for workers that go on meanwhile: a moment after another ack it waits for more to go with it.
func (a *Acker) AckSoon(ctx context.Context, claim int64) (int64, error) {
	return a.add(ctx, claim, enough).wait(ctx)
}

// add lets a claim wait for its ack, and hurries where it makes so many that wait.
func (a *Acker) add(ctx context.Context, claim int64, many int) *pendingAck {
	p := &pendingAck{claim: claim, done: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, p)
	if !a.running {
		a.running = true
		go a.run(context.WithoutCancel(ctx))
	}
	if len(a.waiting) >= many {
		select {
		case a.hurry <- struct{}{}:
		default:
		}
	}
	return p
}

func (p *pendingAck) wait(ctx context.Context) (int64, error) {
	select {
	case <-p.done:
		return p.n, p.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run goes on until nothing waits.
func (a *Acker) run(ctx context.Context) {
	runtime.Gosched() // those that were woken with the first come first
	for {
		a.mu.Lock()
		n := min(len(a.waiting), maxTogether)
		batch := a.waiting[:n:n]
		a.waiting = a.waiting[n:]
		a.running = n > 0
		a.mu.Unlock()
		if n == 0 {
			return
		}
		a.ack(ctx, batch)
		select {
		case <-a.hurry:
		case <-time.After(gather):
		}
	}
}

// ack acks a batch in one transaction or, where one of them is refused or locked, each in its own, without waiting for these.
func (a *Acker) ack(ctx context.Context, batch []*pendingAck) {
	if len(batch) > 1 {
		err := Within(ctx, ackPatience, func(ctx context.Context) error { return a.together(ctx, batch) })
		var refused *pgconn.PgError
		if err == nil || !errors.As(err, &refused) && !pgconn.SafeToRetry(err) {
			for _, p := range batch {
				p.err = err // not nil: it may have happened, and alone it would seem lost
				close(p.done)
			}
			return
		}
	}
	for _, p := range batch {
		a.single <- struct{}{}
		go func() {
			p.err = Within(ctx, ackPatience, func(ctx context.Context) (err error) {
				p.n, err = Ack(ctx, a.pool, p.claim, nil)
				return err
			})
			close(p.done)
			<-a.single
		}()
	}
}

func (a *Acker) together(ctx context.Context, batch []*pendingAck) error {
	// ascending, so that transactions that lock the same claims do so in one order
	slices.SortFunc(batch, func(x, y *pendingAck) int { return cmp.Compare(x.claim, y.claim) })
	ids := make([]int64, len(batch))
	for i, p := range batch {
		ids[i] = p.claim
	}
	rows, err := a.pool.Query(ctx, `select howdah.ack(c.id) from (select pg_catalog.set_config('lock_timeout', '500ms', true) offset 0) s,
		pg_catalog.unnest($1::bigint[]) c (id)`, ids)
	if err != nil {
		return err
	}
	defer rows.Close()
	for i := 0; rows.Next(); i++ {
		if err := rows.Scan(&batch[i].n); err != nil {
			return err
		}
	}
	return rows.Err()
}
