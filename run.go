package howdah

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah/internal/eventlog"
)

// A Handler processes a batch of events. A nil error acks it. A *FailedError names the events that failed, the others
// are acked. Any other error on a batch makes Run try its halves again, down to single events, and the one that fails
// alone is nacked: a poison event does not take its neighbours along. So a handler may see an event more than once. In an
// ordered consumer what stands behind it waits for its retry.
// The batch is the handler's own, to change as it likes until it returns.
type Handler func(ctx context.Context, batch []Event) error

// A TxHandler processes a batch in a transaction that also acks it. An error rolls both back.
type TxHandler func(ctx context.Context, tx pgx.Tx, batch []Event) error

// FailedError lets a Handler name the events that failed, by id; those whose error is nil have not.
type FailedError struct{ Events map[int64]error }

func (e *FailedError) Error() string { return fmt.Sprintf("%d events failed", len(e.Events)) }

// A RunOption changes how Run works.
type RunOption func(*runOptions)

type runOptions struct {
	workers int
	batch   int
	lease   time.Duration
	grace   time.Duration
	tx      pgx.TxOptions
	once    bool
}

// Workers is how many batches are handled at a time in this process; the default is 1.
func Workers(n int) RunOption { return func(o *runOptions) { o.workers = n } }

// Batch is how many events a handler gets at most; the default is 100.
func Batch(n int) RunOption { return func(o *runOptions) { o.batch = n } }

// RunLease takes another lease than the consumer's. Leases are extended while a handler works.
func RunLease(d time.Duration) RunOption { return func(o *runOptions) { o.lease = d } }

// Grace is how long handlers may go on after ctx has ended, before their context ends too; the default is 10 s.
func Grace(d time.Duration) RunOption { return func(o *runOptions) { o.grace = d } }

// TxOptions are those of RunTx's transactions, such as the isolation level.
func TxOptions(tx pgx.TxOptions) RunOption { return func(o *runOptions) { o.tx = tx } }

// UntilIdle makes Run return when there is nothing to do any more, instead of waiting for new events.
func UntilIdle() RunOption { return func(o *runOptions) { o.once = true } }

// Run calls handler with batches of events, at least once each, until ctx ends. While handlers work their leases are
// extended and the next batches are fetched. When ctx ends, handlers are given time to finish, what they finish is
// acked, and what they had not begun is handed back. Lost connections and failovers are waited for; an error that
// retrying cannot mend (an unknown consumer, a missing right) is returned.
func (c *Consumer) Run(ctx context.Context, handler Handler, options ...RunOption) error {
	return c.run(ctx, options, func(ctx context.Context, r *runner, j *job, batch []Event) error {
		// The handler may change its batch.
		first, last, part := batch[0].ID, batch[len(batch)-1].ID, r.part(j, batch)
		err := guard(func() error { return handler(ctx, batch) })
		var failed *FailedError
		if err != nil && !errors.As(err, &failed) {
			return err
		}
		good := part
		if failed != nil {
			good = nil
			again, err := r.again(ctx, j, first, last)
			if err != nil {
				return unsettled(err)
			}
			for _, id := range ids(again) {
				if reason := failed.Events[id]; reason != nil {
					if err := r.nack(j, id, reason); err != nil {
						return unsettled(err)
					}
				} else {
					good = append(good, id)
				}
			}
			if len(good) == 0 {
				return nil
			}
		}
		return unsettled(r.ack(j, good))
	})
}

// RunTx calls handler in a transaction that also acks the batch: its writes and the ack commit together, so effects in
// this database happen exactly once, whatever crashes. Otherwise it is like Run.
func (c *Consumer) RunTx(ctx context.Context, handler TxHandler, options ...RunOption) error {
	return c.run(ctx, options, func(ctx context.Context, r *runner, j *job, batch []Event) error {
		first, last, part := batch[0].ID, batch[len(batch)-1].ID, r.part(j, batch)
		err := serializably(func() (err error) {
			mine := batch
			if batch = nil; mine == nil {
				if mine, err = r.again(ctx, j, first, last); err != nil || len(mine) == 0 {
					return unsettled(err)
				}
			}
			return c.db.inTx(ctx, r.life, r.o.tx, func(tx pgx.Tx) error {
				if err := guard(func() error { return handler(ctx, tx, mine) }); err != nil {
					return err
				}
				n, err := j.claim.AckTx(ctx, tx, part...)
				if err == nil && n == 0 && part != nil {
					return errDone
				}
				return err
			})
		})
		switch {
		case errors.Is(err, errDone):
			return nil
		case errors.Is(err, ErrClaimLost):
			return unsettled(err)
		}
		return err
	})
}

// errDone undoes a transaction whose part of a claim is acked already: one before has committed, and its answer was lost.
var errDone = errors.New("done before")

// inTx runs f in a transaction. A commit that has begun is waited for even where ctx ends meanwhile, until life ends: one that
// is torn off may have happened, and nobody would know.
func (db *DB) inTx(ctx, life context.Context, o pgx.TxOptions, f func(pgx.Tx) error) error {
	tx, err := db.pool.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing after a commit; where it fails the connection is closed, which rolls back too
	if err := f(tx); err != nil {
		return err
	}
	return eventlog.Within(life, answering, tx.Commit)
}

// serializably runs a transaction again, at most four times, when it lost against another one (SQLSTATE class 40).
func serializably(f func() error) error {
	for try := 1; ; try++ {
		err := f()
		var pg *pgconn.PgError
		if err == nil || try > 4 || !errors.As(err, &pg) || pg.Code[:2] != "40" {
			return err
		}
	}
}

// part is the ids of a batch that is not all of its claim.
func (r *runner) part(j *job, batch []Event) []int64 {
	if len(batch) == len(j.events) {
		return nil
	}
	return ids(batch)
}

func ids(batch []Event) []int64 {
	all := make([]int64, len(batch))
	for i, e := range batch {
		all[i] = e.ID
	}
	return all
}

// guard turns a panic of a handler into an error, so that one poison event does not end the process.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	return f()
}

// unsettled marks the error of an ack or nack, if there is one.
func unsettled(err error) error {
	if err == nil {
		return nil
	}
	return &settleError{err}
}

// settleError marks an error of an ack or nack, as opposed to one of the handler.
type settleError struct{ err error }

func (e *settleError) Error() string { return e.err.Error() }
func (e *settleError) Unwrap() error { return e.err }
