// Package testdb gives tests databases of their own on one private PostgreSQL, which all test processes of this user
// share: found or fetched and started like the one that users get, with fsync off. HOWDAH_TEST_PG_BIN chooses another
// PostgreSQL.
//
// A package that uses it says so in its TestMain:
//
//	func TestMain(m *testing.M) { testdb.Main(m) }
package testdb

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah/internal/postgres"
	"github.com/howdah/howdah/internal/schema"
)

var shared struct {
	sync.Mutex
	main     bool
	server   *postgres.Server
	template string
	err      error
}

// Main runs a package's tests and lets go of the server afterwards; the last process to do so stops it.
func Main(m *testing.M) {
	shared.main = true
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Release(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "testdb:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Config is that of the shared server, for tests that start clusters of their own like it.
func Config(dataDir string) postgres.Config {
	return postgres.Config{DataDir: dataDir, BinDir: os.Getenv("HOWDAH_TEST_PG_BIN")}
}

// server starts or adopts the shared server and makes the template with Howdah's schema in it.
func server(t testing.TB) (*postgres.Server, string) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		t.Fatal("this package has no TestMain that calls testdb.Main")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.template, shared.err = start()
	}
	if errors.Is(shared.err, postgres.ErrNoPrograms) && os.Getenv("CI") == "" {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server, shared.template
}

func start() (*postgres.Server, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	key := sha256.Sum256([]byte(os.Getenv("HOWDAH_TEST_PG_BIN")))
	c := Config(filepath.Join(os.TempDir(), fmt.Sprintf("howdah-test-%d-%s", os.Getuid(), hex.EncodeToString(key[:4]))))
	c.Disposable = true
	c.Settings = map[string]string{"max_connections": "300", "autovacuum_naptime": "5s"}
	s, err := postgres.Start(ctx, c)
	if err != nil {
		return nil, "", err
	}
	name, err := makeTemplate(ctx, s.URL())
	if err != nil {
		_ = s.Release(context.Background())
		return nil, "", fmt.Errorf("make the template database: %w", err)
	}
	return s, name, nil
}

// makeTemplate makes, once for each content of the schema, a database that tests' databases are copied from.
func makeTemplate(ctx context.Context, server string) (string, error) {
	var script strings.Builder
	if err := schema.Print(&script); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(script.String()))
	name := "template_" + hex.EncodeToString(sum[:6])
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(1)"); err != nil {
		return "", err
	}
	if err := dropLeftovers(ctx, conn); err != nil {
		return "", fmt.Errorf("drop what killed tests left: %w", err)
	}
	var there bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&there); err != nil || there {
		return name, err
	}
	if _, err := conn.Exec(ctx, "create database "+name+"_new"); err != nil {
		if _, err := conn.Exec(ctx, "drop database if exists "+name+"_new with (force)"); err != nil {
			return "", err
		}
		if _, err := conn.Exec(ctx, "create database "+name+"_new"); err != nil {
			return "", err
		}
	}
	inside, err := pgx.Connect(ctx, withDatabase(server, name+"_new"))
	if err != nil {
		return "", err
	}
	_, err = schema.Migrate(ctx, inside)
	_ = inside.Close(ctx)
	if err != nil {
		return "", err
	}
	_, err = conn.Exec(ctx, "alter database "+name+"_new rename to "+name)
	return name, err
}

func withDatabase(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // the server's own URL
	}
	u.Path = "/" + database
	return u.String()
}

// New makes a database with Howdah in it and returns its URL. When the test ends the invariants are checked and the
// database is dropped.
func New(t testing.TB) string {
	t.Helper()
	s, template := server(t)
	url := create(t, s, "template "+template)
	t.Cleanup(func() { check(t, url) })
	return url
}

// Empty makes a database without Howdah, dropped when the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	s, _ := server(t)
	return create(t, s, "")
}

func create(t testing.TB, s *postgres.Server, template string) string {
	t.Helper()
	b := make([]byte, 6)
	_, _ = rand.Read(b)
	name := fmt.Sprintf("test_%d_%s", os.Getpid(), hex.EncodeToString(b)) // see dropLeftovers
	ctx := context.Background()
	run := func(sql string) error {
		conn, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, sql)
		return err
	}
	if err := run("create database " + name + " " + template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := run("drop database " + name + " with (force)")
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "42501" { // an autovacuum worker, which force must not end, but which gives way
			err = run("drop database " + name)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return withDatabase(s.URL(), name)
}

// check proves that every id is in exactly one place. A test that broke an invariant on purpose has to mend it.
func check(t testing.TB, url string) {
	t.Helper()
	if t.Failed() {
		return
	}
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, "select coalesce(topic, '') || ' ' || coalesce(consumer, '') || ': ' || problem from howdah.check()")
	if err != nil {
		t.Error(err)
		return
	}
	problems, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("howdah.check: %s", p)
	}
}
