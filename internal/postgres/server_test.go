package postgres_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/postgres"
)

func TestStartAdoptStop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	durable := config(dir)
	durable.Disposable = false
	first := startWith(t, durable)
	if first.Adopted() {
		t.Error("a new server counts as adopted")
	}
	if port := first.Info().Port; port == 5432 || port < 1024 {
		t.Errorf("port %d", port)
	}
	for sql, want := range map[string]string{
		"show timezone":                "UTC",
		"show fsync":                   "on",
		"show server_encoding":         "UTF8",
		"show lc_messages":             "C",
		"show max_connections":         "200",
		"show listen_addresses":        "127.0.0.1",
		"show max_wal_size":            "4GB",
		"select current_user":          "howdah",
		"show search_path":             "public", // a user's tables do not go into the engine's schema
		"select current_database()":    "howdah",
		"select lower('ÄÖ') = 'äö'":    "t",
		"select 'Z' < 'a'":             "t", // sorted by bytes
		"show server_version":          first.Version(),
		"show unix_socket_permissions": "0700",
	} {
		if got := query(t, first.URL(), sql); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
	if got := query(t, first.URL(), "select rolsuper, rolcreaterole, rolcreatedb from pg_catalog.pg_roles where rolname = current_user"); got != "f t t" {
		t.Errorf("rights of the role: %s", got)
	}
	if got := query(t, first.TCPURL(), "select host(inet_server_addr())"); got != "127.0.0.1" {
		t.Errorf("TCP connection to %s", got)
	}
	query(t, first.URL(), "create table kept (id int); insert into kept values (7)")

	second := start(t, dir)
	if !second.Adopted() || second.Info() != first.Info() {
		t.Errorf("the second start did not adopt: %+v, %+v", first.Info(), second.Info())
	}
	ok(t, first.Release(t.Context()))
	ok(t, first.Release(t.Context()))
	found, err := postgres.Lookup(dir)
	ok(t, err)
	if found != second.Info() {
		t.Errorf("Lookup found %+v, not %+v", found, second.Info())
	}
	if used, err := postgres.InUse(dir); err != nil || !used {
		t.Errorf("InUse: %v, %v", used, err)
	}
	if gone, err := postgres.ShutdownIdle(t.Context(), dir); err != nil || gone {
		t.Errorf("ShutdownIdle of a used server: %v, %v", gone, err)
	}
	ok(t, second.Release(t.Context()))
	if _, err := postgres.Lookup(dir); !errors.Is(err, postgres.ErrNotRunning) {
		t.Errorf("Lookup after the last release: %v", err)
	}
	if running(first.Info().PID) {
		t.Error("the postmaster outlived its last user")
	}

	again := start(t, dir)
	if got := query(t, again.URL(), "select id from kept"); got != "7" {
		t.Errorf("after a restart: %q", got)
	}
	if again.Info().Port != first.Info().Port {
		t.Errorf("port %d became %d", first.Info().Port, again.Info().Port)
	}
}

func TestLoopbackNeedsThePassword(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	password := s.TCPURL()[len("postgres://howdah:"):]
	password, _, _ = strings.Cut(password, "@")
	for _, wrong := range []string{strings.Replace(s.TCPURL(), password, "wrong", 1), strings.Replace(s.TCPURL(), "howdah:", "postgres:", 1)} {
		if _, err := pgx.Connect(t.Context(), wrong); err == nil {
			t.Errorf("connected with %s", wrong)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "password"))
	ok(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("password file has mode %o", info.Mode().Perm())
	}
	info, err = os.Stat(s.Info().Socket)
	ok(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("socket folder has mode %o", info.Mode().Perm())
	}
}

func TestSettingsAndKeepRunning(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Settings = map[string]string{"max_prepared_transactions": "17", "application_name": "it's a test"}
	cfg.KeepRunning = true
	s, err := postgres.Start(t.Context(), cfg)
	ok(t, err)
	t.Cleanup(func() { ok(t, postgres.Shutdown(t.Context(), cfg.DataDir)) })
	if got := query(t, s.URL(), "select current_setting('max_prepared_transactions'), current_setting('fsync')"); got != "17 off" {
		t.Errorf("settings: %s", got)
	}
	ok(t, s.Release(t.Context()))
	if got := query(t, s.URL(), "select 1"); got != "1" {
		t.Errorf("after release: %q", got)
	}
	if gone, err := postgres.ShutdownIdle(t.Context(), cfg.DataDir); err != nil || !gone {
		t.Errorf("ShutdownIdle of an unused server: %v, %v", gone, err)
	}
	if running(s.Info().PID) {
		t.Error("still running after ShutdownIdle")
	}
}

func TestTakenPort(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	port := s.Info().Port
	ok(t, s.Release(t.Context()))
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	ok(t, err)
	defer l.Close()
	if again := start(t, dir); again.Info().Port == port {
		t.Errorf("started on port %d, which is taken", port)
	}
}

// Folders that are awkward in a shell, in a socket address, in a setting, in a
// URL, or closed to the user that PostgreSQL runs as.
func TestAwkwardFolders(t *testing.T) {
	for name, dir := range map[string]string{
		"spaces and quotes": `a b/it's "new", 100% [x]\`,
		"unicode":           "données/象",
		"long":              strings.Repeat("long-", 20) + "/" + strings.Repeat("longer-", 20),
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), dir)
			ok(t, os.MkdirAll(filepath.Dir(dir), 0o700))
			ok(t, os.Chmod(filepath.Dir(dir), 0o700))
			s := start(t, dir)
			query(t, s.URL(), "create table t (x int)")
			ok(t, s.Release(t.Context()))
			s = start(t, dir)
			if got := query(t, s.URL(), "select count(*) from t"); got != "0" {
				t.Errorf("got %q", got)
			}
			if psql, err := exec.LookPath("psql"); err == nil {
				out, err := exec.Command(psql, "-XAtc", "select 42", s.URL()).CombinedOutput()
				if err != nil || strings.TrimSpace(string(out)) != "42" {
					t.Errorf("psql %s: %v %s", s.URL(), err, out)
				}
			}
			ok(t, s.Stop(t.Context()))
			if s.Info().Socket != filepath.Join(dir, "run") {
				if _, err := os.Stat(s.Info().Socket); !os.IsNotExist(err) {
					t.Errorf("socket folder %s is still there (%v)", s.Info().Socket, err)
				}
			}
		})
	}
}
