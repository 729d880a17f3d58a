package testdb_test

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/postgres"
	"github.com/howdah/howdah/internal/testdb"
)

func TestPrivate(t *testing.T) {
	s := testdb.Private(t, func(c *postgres.Config) {
		c.Settings = map[string]string{"max_prepared_transactions": "20"}
	})
	if got := text(t, s.URL(), "select current_setting('max_prepared_transactions') || current_setting('fsync')"); got != "20on" {
		t.Errorf("settings: %s", got)
	}
	if text(t, testdb.Empty(t), "select pg_postmaster_start_time()::text") == text(t, s.URL(), "select pg_postmaster_start_time()::text") {
		t.Error("the private cluster is the shared one")
	}
}

// What a killed test process leaves behind goes, and what a living one uses stays.
func TestLeftovers(t *testing.T) {
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	url := testdb.Empty(t)
	left := "test_" + strconv.Itoa(gone.Process.Pid) + "_00"
	text(t, url, "create database "+left)
	conn := connect(t, url)
	if err := testdb.DropLeftovers(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if got := text(t, url, "select count(*)::text from pg_catalog.pg_database where datname = '"+left+"'"); got != "0" {
		t.Errorf("%s is still there", left)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func text(t *testing.T, url, sql string) string {
	t.Helper()
	conn := connect(t, url)
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, " ")
}
