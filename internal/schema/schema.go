// Package schema installs Howdah's tables, functions and views in a PostgreSQL database and upgrades them in place. It
// needs no superuser and no extension: CREATE on the database is enough.
//
// migrations/NNNN_name.sql run once each, in order. functions/ and views/ hold one object a file; they are installed
// again as a set whenever one of them has changed. What can be replaced in place is, so that triggers and the user's own
// views stay; what cannot (other parameters, another result, other columns) is dropped first, and what is no longer
// there is dropped last. All of it happens in one transaction: an upgrade is there as a whole or not at all, while
// producers and consumers go on. Migrate and the printed script run the same statements.
package schema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Supported major versions of PostgreSQL; begin.sql enforces them.
const (
	OldestPostgres = 14
	NewestPostgres = 18
)

// Errors that a caller may want to tell apart.
var (
	ErrPostgresVersion = errors.New("this PostgreSQL is not supported")
	ErrNewerSchema     = errors.New("the database was migrated by a newer howdah")
)

// patience is how long Migrate tries again while others hold locks that it needs.
const patience = time.Minute

// Report says what Migrate did.
type Report struct {
	From, To  int  // schema versions; 0 is none
	Installed bool // functions and views were installed again
}

// Version is the newest schema version that this program knows.
func Version() int {
	s, err := load()
	if err != nil {
		panic(err) // the embedded files are wrong: a test catches it
	}
	return s.version
}

// Print writes one script that psql can run on an empty database, and again on one that has it.
func Print(w io.Writer) error {
	s, err := load()
	if err != nil {
		return err
	}
	return s.print(w)
}

func (s script) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "-- Howdah's schema, version %d, for PostgreSQL %d to %d. Again is harmless.\n", s.version, OldestPostgres, NewestPostgres)
	b.WriteString("-- If a lock time-out ends it, nothing has changed: run it again.\n\\set ON_ERROR_STOP on\nbegin;\n")
	for _, step := range s.steps {
		fmt.Fprintf(&b, "\n-- %s\n%s", step.file, step.sql)
	}
	b.WriteString("\ncommit;\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// Plan says what Migrate would do.
func Plan(ctx context.Context, q querier) (Report, error) {
	s, err := load()
	if err != nil {
		return Report{}, err
	}
	from, hash, err := Status(ctx, q)
	return Report{From: from, To: s.version, Installed: err == nil && (from != s.version || hash != s.hash)}, err
}

// Migrate brings the database behind conn to this program's version; where it is there already, that takes one query.
// Several processes may do it at once. It never makes others wait for more than a second for a lock that it cannot get;
// it gives way and tries again, for up to a minute.
func Migrate(ctx context.Context, conn *pgx.Conn) (Report, error) {
	s, err := load()
	if err != nil {
		return Report{}, err
	}
	return s.migrate(ctx, conn)
}

func (s script) migrate(ctx context.Context, conn *pgx.Conn) (Report, error) {
	report := Report{To: s.version}
	current := func(q querier) (done bool, err error) {
		var hash string
		if report.From, hash, err = Status(ctx, q); err != nil {
			return false, fmt.Errorf("read the schema's version: %w", err)
		}
		return report.From == s.version && hash == s.hash, nil
	}
	if done, err := current(conn); done || err != nil {
		return report, err
	}
	attempt := func() error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for i, step := range s.steps {
				if _, err := tx.Exec(ctx, step.sql); err != nil {
					return step.explain(err)
				}
				if i == 0 { // it holds the lock: somebody else may have done it meanwhile
					if done, err := current(tx); done || err != nil {
						return err
					}
				}
			}
			report.Installed = true
			return nil
		})
	}
	for until, pause := time.Now().Add(patience), 50*time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := attempt()
		if err == nil || !isBusy(err) || time.Now().After(until) {
			if err != nil {
				report.Installed = false
			}
			return report, explain(err)
		}
		select {
		case <-ctx.Done():
			return report, fmt.Errorf("%w, while waiting for locks: %w", ctx.Err(), err)
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Status returns the database's schema version (0: none) and the hash of its functions and views.
func Status(ctx context.Context, q querier) (version int, hash string, err error) {
	var exists bool
	if err := q.QueryRow(ctx, "select pg_catalog.to_regclass('howdah.migration') is not null").Scan(&exists); err != nil || !exists {
		return 0, "", err
	}
	err = q.QueryRow(ctx, `select coalesce(pg_catalog.max(number), 0), coalesce((select hash from howdah.installed), '')
		from howdah.migration`).Scan(&version, &hash)
	return version, hash, err
}

// isBusy tells errors that another attempt may not meet: a lock time-out, a deadlock, a function that somebody else
// replaced at the same moment.
func isBusy(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01" || pg.Message == "tuple concurrently updated")
}

// explain says in which file an error is; the checks of begin.sql speak for themselves.
func (s step) explain(err error) error {
	if s.file == "begin.sql" {
		return err
	}
	return fmt.Errorf("%s: %w", s.file, err)
}

// explain adds what errors.Is should find, and what PostgreSQL does not know to say.
func explain(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch {
	case pg.Code == "0A000" && strings.HasPrefix(pg.Message, "PostgreSQL "):
		return fmt.Errorf("%w: %w", ErrPostgresVersion, err)
	case pg.Code == "HW004":
		return fmt.Errorf("%w: %w", ErrNewerSchema, err)
	case isBusy(err) && pg.Hint == "":
		pg.Hint = "Somebody holds a table or view of Howdah for longer than a minute: see howdah.open_producers and pg_stat_activity. Nothing has changed; run it again."
	}
	return err
}
