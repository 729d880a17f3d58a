package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"

	"github.com/howdah/howdah/internal/postgres"
	"github.com/howdah/howdah/internal/schema"
)

// finding is one line of doctor's report.
type finding struct {
	Level   string `json:"level"` // ok, note, warning or error
	Subject string `json:"subject"`
	Says    string `json:"finding"`
	Advice  string `json:"advice,omitempty"`
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with this installation, and say what to do",
		Long: `Look for what is wrong with this installation, and say what to do. It changes nothing.
Exit code 1 when there is an error; warnings and notes do not count.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.report(a.examine(cmd.Context()))
		},
	}
}

func (a *app) report(findings []finding) error {
	bad := 0
	for _, f := range findings {
		if f.Level == "error" {
			bad++
		}
		if a.json {
			if err := a.printJSON(f); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(a.Out, "%-8s %s: %s\n", f.Level, f.Subject, f.Says); err != nil {
			return err
		}
		if f.Advice != "" {
			if _, err := fmt.Fprintf(a.Out, "%-8s -> %s\n", "", f.Advice); err != nil {
				return err
			}
		}
	}
	if bad > 0 {
		return errSilent
	}
	return nil
}

// examine goes on as far as what it finds allows.
func (a *app) examine(ctx context.Context) []finding {
	var all []finding
	conn, err := a.connect(ctx)
	if err != nil {
		all = append(all, explain("database", err))
		return append(all, examinePrograms(ctx))
	}
	defer closeConn(ctx, conn)
	for _, look := range []func(context.Context, *pgx.Conn) ([]finding, error){examineServer, examineClock, examineSchema} {
		found, err := look(ctx, conn)
		all = append(all, found...)
		if err != nil {
			return append(all, explain("database", err))
		}
	}
	if all[len(all)-1].Level == "error" {
		return all // without the schema nothing of what follows is there
	}
	for _, q := range doctorQueries {
		found, err := q.run(ctx, conn)
		if err != nil {
			found = []finding{explain(q.kinds[0], err)}
		}
		all = append(all, found...)
	}
	return all
}

// explain makes a finding of an error.
func explain(subject string, err error) finding {
	f := finding{Level: "error", Subject: subject, Says: err.Error()}
	var pg *pgconn.PgError
	var hint hinted
	if errors.As(err, &pg) {
		f.Says, f.Advice = shorten(err, pg), hintFor(pg)
	}
	if errors.As(err, &hint) {
		f.Advice = hint.hint
	}
	f.Says = strings.Join(strings.Fields(f.Says), " ")
	return f
}

func examinePrograms(ctx context.Context) finding {
	programs, err := postgres.Installed(ctx)
	if err != nil || len(programs) == 0 {
		return finding{"note", "private PostgreSQL", "no usable PostgreSQL is installed on this machine; `howdah up` would fetch one",
			"to install it instead: " + postgres.InstallCommand(0)}
	}
	return finding{"ok", "private PostgreSQL", fmt.Sprintf("`howdah up` would use PostgreSQL %s in %s", programs[0].Version, programs[0].Dir), ""}
}

func examineServer(ctx context.Context, conn *pgx.Conn) ([]finding, error) {
	var version, database, role, fsync, syncCommit string
	var number, prepared, pid int
	var standby, create, super bool
	err := conn.QueryRow(ctx, `select current_setting('server_version'), current_setting('server_version_num')::int, current_database(), current_user::text,
			pg_catalog.pg_is_in_recovery(), current_setting('fsync'), current_setting('synchronous_commit'),
			current_setting('max_prepared_transactions')::int, pg_catalog.has_database_privilege(current_database(), 'CREATE'),
			current_setting('is_superuser') = 'on', pg_catalog.pg_backend_pid()`).
		Scan(&version, &number, &database, &role, &standby, &fsync, &syncCommit, &prepared, &create, &super, &pid)
	if err != nil {
		return nil, err
	}
	server := finding{"ok", "server", fmt.Sprintf("PostgreSQL %s, database %s, role %s", version, database, role), ""}
	if number/10000 < schema.OldestPostgres || number/10000 > schema.NewestPostgres {
		server.Level, server.Advice = "error", fmt.Sprintf("supported are %d to %d", schema.OldestPostgres, schema.NewestPostgres)
	}
	found := []finding{server}
	if standby {
		found = append(found, finding{"error", "server", "this is a standby: it can be read, but nothing can be published or claimed", "connect to the primary"})
	}
	if fsync != "on" {
		found = append(found, finding{"error", "durability", "fsync is off: a crash of the machine can destroy the database", "set fsync = on in postgresql.conf and reload"})
	}
	if syncCommit == "off" {
		found = append(found, finding{"warning", "durability", "synchronous_commit is off: a crash can take back the last events that were acknowledged to producers",
			fmt.Sprintf("alter role %s reset synchronous_commit, and see postgresql.conf", pgx.Identifier{role}.Sanitize())})
	}
	if prepared > 0 {
		found = append(found, finding{"note", "wake-ups", fmt.Sprintf("max_prepared_transactions is %d: producers do not notify, workers poll", prepared),
			"set it to 0 if nothing uses two-phase commit"})
	}
	if uint32(pid) != conn.PgConn().PID() {
		found = append(found, finding{"note", "pooler", "there is a connection pooler in between: workers poll instead of being woken",
			"connect workers to PostgreSQL itself for the lowest latency"})
	}
	if super {
		found = append(found, finding{"note", "rights", "role " + role + " is a superuser; Howdah does not need that", "give applications roles of their own, with INSERT or SELECT on the topics' tables"})
	}
	return found, nil
}

func examineClock(ctx context.Context, conn *pgx.Conn) ([]finding, error) {
	before := time.Now()
	var server time.Time
	if err := conn.QueryRow(ctx, "select pg_catalog.clock_timestamp()").Scan(&server); err != nil {
		return nil, err
	}
	trip := time.Since(before)
	off := server.Sub(before.Add(trip / 2)).Round(time.Millisecond)
	if off.Abs() > trip+time.Second {
		return []finding{{"warning", "clock", fmt.Sprintf("the server's clock differs from this machine's by %v", off),
			"set both by NTP; leases and windows follow the server's clock, event times the producer's"}}, nil
	}
	return []finding{{"ok", "clock", fmt.Sprintf("the server's clock agrees with this machine's within %v", max(off.Abs(), trip).Round(time.Millisecond)), ""}}, nil
}

func examineSchema(ctx context.Context, conn *pgx.Conn) ([]finding, error) {
	version, _, err := schema.Status(ctx, conn)
	if err != nil {
		return nil, err
	}
	f := finding{"ok", "schema", fmt.Sprintf("version %d", version), ""}
	switch known := schema.Version(); {
	case version == 0:
		f = finding{"error", "schema", "Howdah is not installed in this database", "run `howdah migrate`"}
	case version < known:
		f = finding{"error", "schema", fmt.Sprintf("version %d is older than this program's %d", version, known), "run `howdah migrate`"}
	case version > known:
		f = finding{"error", "schema", fmt.Sprintf("version %d is newer than this program's %d", version, known), "use a newer howdah"}
	}
	found := []finding{f}
	if version > 0 {
		var owner string
		var sees bool
		err := conn.QueryRow(ctx, `select pg_catalog.pg_get_userbyid(nspowner)::text, pg_catalog.pg_has_role(nspowner, 'pg_read_all_stats', 'USAGE')
			from pg_catalog.pg_namespace where nspname = 'howdah'`).Scan(&owner, &sees)
		if err != nil {
			return nil, err
		}
		if !sees {
			found = append(found, finding{"note", "schema", "its owner, role " + owner + ", does not see since when transactions of other roles are open",
				fmt.Sprintf("grant pg_read_all_stats to %s", pgx.Identifier{owner}.Sanitize())})
		}
	}
	return found, nil
}
