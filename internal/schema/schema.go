// Package schema installs Howdah's tables, functions and views in a PostgreSQL database and upgrades them in place. It
// needs no superuser and no extension: CREATE on the database is enough.
//
// migrations/NNNN_name.sql run once each, in order. functions/ and views/ hold one object a file; they are installed
// again as a set whenever one of them has changed: functions are replaced, those that are no longer there (or have other
// parameters now) are dropped, views are dropped and created again. A function whose result changes is dropped by a
// migration.
package schema

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations functions views
var files embed.FS

// Supported major versions of PostgreSQL.
const (
	OldestPostgres = 14
	NewestPostgres = 18
)

const lockClass = 1213159168 // the catalogue's advisory lock, also taken by create_topic and the like

// Errors that a caller may want to tell apart.
var (
	ErrPostgresVersion = errors.New("this PostgreSQL is not supported")
	ErrNewerSchema     = errors.New("the database was migrated by a newer howdah")
)

type migration struct {
	number int
	name   string
	sql    string
}

// Report says what Migrate did.
type Report struct {
	From, To  int  // schema versions; 0 is none
	Installed bool // functions and views were installed again
}

// Version is the newest schema version that this program knows.
func Version() int {
	all, err := migrations()
	if err != nil {
		panic(err) // a gap in the embedded files: a test catches it
	}
	return all[len(all)-1].number
}

var migrationName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)

func migrations() ([]migration, error) {
	entries, err := fs.ReadDir(files, "migrations")
	if err != nil {
		return nil, err
	}
	var all []migration
	for i, e := range entries {
		m := migrationName.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("migration %s: the name is not NNNN_name.sql", e.Name())
		}
		n, _ := strconv.Atoi(m[1])
		if n != i+1 {
			return nil, fmt.Errorf("migration %s: number %d is missing", e.Name(), i+1)
		}
		b, err := files.ReadFile(path.Join("migrations", e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, migration{number: n, name: m[2], sql: string(b)})
	}
	return all, nil
}

// objects returns the SQL of all functions and views, functions first, each in the order of their paths, and a hash.
func objects() (functions, views []string, hash string, err error) {
	sum := sha256.New()
	for _, root := range []string{"functions", "views"} {
		var names []string
		err = fs.WalkDir(files, root, func(p string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(p, ".sql") {
				names = append(names, p)
			}
			return err
		})
		if err != nil {
			return nil, nil, "", err
		}
		sort.Strings(names)
		for _, name := range names {
			b, err := files.ReadFile(name)
			if err != nil {
				return nil, nil, "", err
			}
			_, _ = fmt.Fprintf(sum, "%s\n%s\n", name, b)
			if root == "functions" {
				functions = append(functions, string(b))
			} else {
				views = append(views, string(b))
			}
		}
	}
	return functions, views, hex.EncodeToString(sum.Sum(nil)), nil
}

// Print writes one script that psql can run on an empty database, and again on one that has it.
func Print(w io.Writer) error {
	all, err := migrations()
	if err != nil {
		return err
	}
	functions, views, hash, err := objects()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("-- Howdah's schema, version " + strconv.Itoa(Version()) + ". Run it with psql; again is harmless.\n")
	b.WriteString("\\set ON_ERROR_STOP on\nbegin;\n" + begin)
	for _, m := range all {
		_, _ = fmt.Fprintf(&b, "\nselect not exists (select from howdah.migration where number = %d) as missing \\gset\n\\if :missing\n%s\n%s;\n\\endif\n",
			m.number, m.sql, remember(m))
	}
	b.WriteString("\n" + prepareObjects)
	for _, sql := range append(functions, views...) {
		b.WriteString("\n" + sql)
	}
	b.WriteString("\n" + finishObjects(hash) + "commit;\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// Migrate brings the database behind conn to this program's version. Several processes may do it at once.
func Migrate(ctx context.Context, conn *pgx.Conn) (Report, error) {
	all, err := migrations()
	if err != nil {
		return Report{}, err
	}
	functions, views, hash, err := objects()
	if err != nil {
		return Report{}, err
	}
	if err := checkServer(ctx, conn); err != nil {
		return Report{}, err
	}
	report := Report{To: all[len(all)-1].number}
	var have string
	if report.From, have, err = Status(ctx, conn); err != nil {
		return report, err
	}
	if report.From > report.To {
		return report, fmt.Errorf("%w: its schema version is %d, this howdah knows %d; use a newer howdah", ErrNewerSchema, report.From, report.To)
	}
	if report.From == report.To && have == hash {
		return report, nil
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, begin); err != nil {
			return fmt.Errorf("create schema howdah: %w", err)
		}
		if report.From, have, err = Status(ctx, tx); err != nil {
			return err
		}
		for _, m := range all {
			if m.number <= report.From {
				continue
			}
			if _, err := tx.Exec(ctx, m.sql+"\n"+remember(m)); err != nil {
				return fmt.Errorf("migration %04d_%s: %w", m.number, m.name, err)
			}
		}
		if have == hash {
			return nil
		}
		report.Installed = true
		script := prepareObjects + strings.Join(functions, "\n") + "\n" + strings.Join(views, "\n") + "\n" + finishObjects(hash)
		if _, err := tx.Exec(ctx, script); err != nil {
			return fmt.Errorf("install functions and views: %w", err)
		}
		return nil
	})
	return report, err
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

func checkServer(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var standby, mayCreate bool
	var role, database string
	err := conn.QueryRow(ctx, `select pg_catalog.current_setting('server_version_num')::int / 10000, pg_catalog.pg_is_in_recovery(),
		pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') or pg_catalog.to_regnamespace('howdah') is not null,
		current_user, pg_catalog.current_database()`).Scan(&version, &standby, &mayCreate, &role, &database)
	switch {
	case err != nil:
		return err
	case version < OldestPostgres || version > NewestPostgres:
		return fmt.Errorf("%w: it is version %d; use %d to %d", ErrPostgresVersion, version, OldestPostgres, NewestPostgres)
	case standby:
		return errors.New("this is a standby: migrate on the primary")
	case !mayCreate:
		return fmt.Errorf("role %s may not create schemas in database %s; the owner may say: grant create on database %s to %s",
			role, database, pgx.Identifier{database}.Sanitize(), pgx.Identifier{role}.Sanitize())
	}
	return nil
}
