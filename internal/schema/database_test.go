package schema_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// emptyDatabase makes a database without Howdah and returns its URL.
func emptyDatabase(t testing.TB) string { return testdb.Empty(t) }

// newDatabase makes a database with Howdah in it; its invariants are checked when the test ends.
func newDatabase(t testing.TB) string { return testdb.New(t) }

// connect gives a connection whose test fails when a user would be told of something that was not there and was not asked for.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if strings.HasSuffix(n.Message, "skipping") {
			t.Error(n.Message)
		}
	}
	conn, err := pgx.ConnectConfig(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// checkAll fails the test when an invariant of any consumer or topic is broken.
func checkAll(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	rows, err := conn.Query(context.Background(), "select coalesce(topic, '') || ' ' || coalesce(consumer, '') || ': ' || problem from howdah.check()")
	if err != nil {
		t.Fatal(err)
	}
	problems, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error("howdah.check: " + p)
	}
}

// must runs SQL and fails the test on an error.
func must(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// one returns the single value of a query.
func one[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(context.Background(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}
