package howdah

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah/internal/eventlog"
)

// answering is how long a run waits for the answer to one call, such as on a connection that has gone silent.
const answering = 30 * time.Second

// patiently is retry with a bound for each try. What the bound has cut off gets twice as long then: it may be a slow one.
func (r *runner) patiently(ctx context.Context, f func(context.Context) error) error {
	bound := answering
	return r.retry(ctx, func() error {
		err := eventlog.Within(ctx, bound, f)
		if errors.Is(err, eventlog.ErrSilent) {
			bound *= 2
		}
		return err
	})
}

// retry calls f until it succeeds, fails for good, or ctx ends. Lost connections, a server that starts or stops, a failover and
// busy locks pass.
func (r *runner) retry(ctx context.Context, f func() error) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := f()
		if err == nil || !passing(err) || r.c.db.isClosed() {
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

// away says whether the database does not answer now.
func (r *runner) away(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return r.c.db.leases.Ping(ctx) != nil
}

// gone says whether an error that a handler returned may mean that the connection to the database was lost. It may as well be
// the handler's own: a file that is not there, an HTTP request that took too long.
func gone(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return passing(err) && pg.Code[:2] != "40"
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, eventlog.ErrSilent) || pgconn.SafeToRetry(err)
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
	return pg.Code == "55P03" || pg.Code == "25006" || // a busy consumer; a standby that is being promoted
		pg.Code == "0A000" && pg.Routine == "RevalidateCachedQuery" // a statement that was prepared before an upgrade
}
