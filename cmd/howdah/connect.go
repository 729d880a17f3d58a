package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/postgres"
	"github.com/howdah/howdah/internal/schema"
)

// dataDir is --data, else $HOWDAH_DATA, else empty: the default data folder.
func (a *app) dataDir() string {
	if a.data != "" {
		return a.data
	}
	return a.Getenv("HOWDAH_DATA")
}

// databaseURL is --db, else $HOWDAH_DB, else that of the private PostgreSQL that runs on the data folder. An explicit
// --data wins over $HOWDAH_DB: it was said later.
func (a *app) databaseURL() (string, error) {
	switch {
	case a.db != "" && a.data != "":
		return "", usageError{errors.New("--db and --data name two databases: give one of them")}
	case a.db != "":
		return a.db, nil
	case a.data == "" && a.Getenv("HOWDAH_DB") != "":
		return a.Getenv("HOWDAH_DB"), nil
	}
	info, err := postgres.Lookup(a.dataDir())
	if errors.Is(err, postgres.ErrNotRunning) {
		message, _, _ := strings.Cut(err.Error(), "; start it with")
		return "", hinted{fmt.Errorf("no database: %s", message),
			"start one with `howdah up`, or name a PostgreSQL with --db postgres://… or HOWDAH_DB"}
	}
	if err != nil {
		return "", err
	}
	return info.URL(), nil
}

// connect gives one connection, whether or not Howdah's schema is there. Notices go to the user.
func (a *app) connect(ctx context.Context) (*pgx.Conn, error) {
	url, err := a.databaseURL()
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, hinted{fmt.Errorf("read database URL: %w", err), "write it like postgres://user:password@host:5432/database"}
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "howdah"
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // prepares nothing: a pooler may stand in between
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.Severity != "DEBUG" {
			_, _ = fmt.Fprintf(a.Err, "%s: %s\n", strings.ToLower(n.Severity), n.Message)
		}
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, a.reach(fmt.Errorf("connect: %w", err))
	}
	return conn, nil
}

// withConn runs f on a connection to a database that has Howdah's schema.
func (a *app) withConn(ctx context.Context, f func(*pgx.Conn) error) error {
	conn, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer closeConn(ctx, conn)
	return onConn(ctx, conn, f)
}

func onConn(ctx context.Context, conn *pgx.Conn, f func(*pgx.Conn) error) error {
	version, _, err := schema.Status(ctx, conn)
	switch {
	case err != nil:
		return err
	case version == 0:
		return hinted{fmt.Errorf("database %s has no Howdah in it", conn.Config().Database), "run `howdah migrate` with the same --db or --data"}
	case version < schema.Version():
		return hinted{fmt.Errorf("the schema in database %s is version %d, older than this program's %d", conn.Config().Database, version, schema.Version()),
			"run `howdah migrate` with the same --db or --data"}
	}
	return f(conn)
}

// withConnAgain is withConn for what goes on until it is interrupted: where the connection is lost, f runs again on a new one, and
// goes on where it was. once does without that.
func (a *app) withConnAgain(ctx context.Context, once bool, f func(*pgx.Conn) error) error {
	pause, lost := reconnectAfter, false
	for {
		conn, err := a.connect(ctx)
		if err == nil {
			pause, lost = reconnectAfter, false
			err = onConn(ctx, conn, f)
			alive := !conn.IsClosed()
			closeConn(ctx, conn)
			if err == nil || once || alive && ctx.Err() == nil {
				return err
			}
		} else if !lost || !mayPass(err) {
			return err
		}
		if !lost && ctx.Err() == nil {
			lost = true
			for inner := err; inner != nil; inner = errors.Unwrap(inner) {
				err = inner // the cause alone: "broken pipe"
			}
			_, _ = fmt.Fprintf(a.Err, "lost the database: %v; connecting again\n", err)
		}
		select {
		case <-ctx.Done():
			return nil // Ctrl-C is how one leaves it
		case <-time.After(pause):
		}
		pause = min(2*pause, reconnectAtMost)
	}
}

const (
	reconnectAfter  = 100 * time.Millisecond
	reconnectAtMost = 2 * time.Second
)

// mayPass tells errors of a server that is not there or not ready yet from those that stay.
func mayPass(err error) bool {
	var pg *pgconn.PgError
	return !errors.As(err, &pg) || strings.HasPrefix(pg.Code, "57P") || strings.HasPrefix(pg.Code, "53")
}

// open gives the Go API, for what needs more than one connection.
func (a *app) open(ctx context.Context) (*howdah.DB, error) {
	url, err := a.databaseURL()
	if err != nil {
		return nil, err
	}
	db, err := howdah.Open(ctx, url, howdah.WithLogger(slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	return db, a.reach(err)
}

// closeConn says goodbye even when ctx has ended.
func closeConn(ctx context.Context, conn *pgx.Conn) { _ = conn.Close(context.WithoutCancel(ctx)) }

// show prints the rows of a query as a table of the named columns, or as JSON with all of them.
func (a *app) show(ctx context.Context, none string, columns []string, sql string, args ...any) error {
	return a.withConn(ctx, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		all, err := collect(rows)
		if err != nil {
			return err
		}
		return a.list(all, none, columns...)
	})
}

// do runs a statement without an answer, and says what happened.
func (a *app) do(ctx context.Context, done, sql string, args ...any) error {
	return a.withConn(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.Out, done)
		return err
	})
}

// withTx runs f in a transaction, as withConn runs it on a connection.
func (a *app) withTx(ctx context.Context, f func(pgx.Tx) error) error {
	return a.withConn(ctx, func(conn *pgx.Conn) error { return pgx.BeginFunc(ctx, conn, f) })
}

// doCount runs a statement that answers how many, and says so: "3 events acked".
func (a *app) doCount(ctx context.Context, noun, done, sql string, args ...any) error {
	return a.withConn(ctx, func(conn *pgx.Conn) error {
		var n int64
		if err := conn.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
			return err
		}
		_, err := fmt.Fprintln(a.Out, count(n, noun), done)
		return err
	})
}

// orNull turns an empty flag into SQL's null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
