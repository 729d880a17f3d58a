package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Poll asks until the answer is yes, or ctx ends.
func Poll(ctx context.Context, done func() bool) error {
	pause := 2 * time.Millisecond
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
	return nil
}

// waitReady waits for the postmaster that postmaster.pid names.
func (l layout) waitReady(ctx context.Context, cfg Config, st state) (Info, error) {
	pf := l.postmaster()
	if pf == nil {
		return Info{}, errors.New("it has ended")
	}
	return l.waitReadyPID(ctx, cfg, st, pf.pid)
}

// unreachable is how long a server that calls itself ready may fail to be
// reached before the wait for it ends.
const unreachable = 20 * time.Second

// waitReadyPID waits until the server answers a query. Recovery after a crash
// may take minutes: until the server calls itself ready, only the end of the
// process or of ctx ends the wait.
func (l layout) waitReadyPID(ctx context.Context, cfg Config, st state, pid int) (Info, error) {
	began, told := time.Now(), false
	var ready time.Time
	var info Info
	var last error
	err := Poll(ctx, func() bool {
		if !Alive(pid) {
			last = errEnded
			return true
		}
		if time.Since(began) > 2*time.Second && !told {
			told = true
			cfg.Progress("Waiting for PostgreSQL, which may be recovering")
		}
		// The file tells the port that is really used. It has no such line yet,
		// or is an old one, until this postmaster has written it.
		pf := l.readPidFile()
		if pf == nil || pf.pid != pid || pf.status == "" || pf.status == "starting" {
			return false
		}
		if info, last = l.info(st, pf); last != nil {
			return true
		}
		if ready.IsZero() {
			ready = time.Now()
		}
		last = info.ping(ctx)
		return last == nil || !transient(last) || time.Since(ready) > unreachable
	})
	if err != nil {
		return info, fmt.Errorf("wait until it is ready: %w", errors.Join(err, last))
	}
	return info, last
}

var errEnded = errors.New("it ended")

// info puts together how to reach the server.
func (l layout) info(st state, pf *pidFile) (Info, error) {
	pw, err := l.readPassword()
	if err != nil {
		return Info{}, err
	}
	// The socket line may be a descriptor of the postmaster, or be missing.
	return Info{DataDir: l.root, PID: pf.pid, Port: pf.port, Socket: st.Socket, password: pw}, nil
}

func (i Info) ping(ctx context.Context) error {
	conn, err := i.connect(ctx, "postgres")
	if err != nil {
		return err
	}
	return errors.Join(conn.Ping(ctx), conn.Close(ctx))
}

// transient tells whether waiting can help: not up yet, or all connections
// taken for now.
func transient(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code == "57P03" || pgErr.Code == "53300"
	}
	return true
}
