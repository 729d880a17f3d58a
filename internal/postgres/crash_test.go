package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/howdah/howdah/internal/postgres"
)

func TestConcurrentStarters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var users []*process
	for range 4 {
		users = append(users, spawn(t, dir))
	}
	adopted := 0
	for _, u := range users {
		u.waitReady(t)
		if u.pid != users[0].pid {
			t.Errorf("two postmasters: %d and %d", u.pid, users[0].pid)
		}
		if u.adopted {
			adopted++
		}
	}
	if adopted != len(users)-1 {
		t.Errorf("%d of %d starters adopted", adopted, len(users))
	}
	for i, u := range users {
		if _, err := postgres.Lookup(dir); err != nil {
			t.Errorf("after %d of %d users left: %v", i, len(users), err)
		}
		u.leave(t)
	}
	if running(users[0].pid) {
		t.Error("the postmaster outlived its users")
	}
}

// A killed user counts no more; the next one adopts what it left and stops it.
// Ctrl-C reaches the user's process group, and not PostgreSQL.
func TestKilledUser(t *testing.T) {
	for name, kill := range map[string]func(*process){
		"kill -9": func(u *process) { u.kill(t, u.cmd.Process.Pid, syscall.SIGKILL) },
		"Ctrl-C":  func(u *process) { u.kill(t, -u.cmd.Process.Pid, syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			user := spawn(t, dir)
			user.waitReady(t)
			kill(user)
			if used, err := postgres.InUse(dir); err != nil || used {
				t.Errorf("InUse after the only user was killed: %v, %v", used, err)
			}
			s := start(t, dir)
			if !s.Adopted() || s.Info().PID != user.pid {
				t.Errorf("not adopted: %v, process %d and not %d", s.Adopted(), s.Info().PID, user.pid)
			}
			ok(t, s.Release(t.Context()))
			if _, err := postgres.Lookup(dir); !errors.Is(err, postgres.ErrNotRunning) {
				t.Errorf("the adopter did not stop it: %v", err)
			}
		})
	}
}

func TestKilledWhileInitialising(t *testing.T) {
	dir := t.TempDir()
	user := spawn(t, dir)
	eventually(t, "initdb at work", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "cluster.new-*", "base"))
		return len(found) > 0
	})
	user.kill(t, user.cmd.Process.Pid, syscall.SIGKILL)
	s := start(t, dir)
	if got := query(t, s.URL(), "select 1"); got != "1" {
		t.Errorf("got %q", got)
	}
}

// The server is killed while one of its processes is too busy to notice.
func TestKilledPostmaster(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	query(t, s.URL(), "create table t (x int); insert into t values (1)")
	busy := connect(t, s.SuperuserURL())
	backend := int(busy.PgConn().PID())
	ended := make(chan error, 1)
	go func() {
		_, err := busy.Exec(context.Background(), "do $$ declare n bigint := 0; begin loop n := n + 1; end loop; end $$")
		ended <- err
	}()
	eventually(t, "a busy backend", func() bool {
		return query(t, s.SuperuserURL(), "select count(*) from pg_catalog.pg_stat_activity where state = 'active' and query like 'do %' and pid = "+strconv.Itoa(backend)) == "1"
	})
	ok(t, syscall.Kill(s.Info().PID, syscall.SIGKILL))

	again := start(t, dir)
	if again.Adopted() {
		t.Error("adopted a dead server")
	}
	if err := <-ended; err == nil {
		t.Error("the busy statement came to an end")
	}
	if running(backend) {
		t.Error("a process of the dead server is still there")
	}
	if got := query(t, again.URL(), "select x from t"); got != "1" {
		t.Errorf("after recovery: %q", got)
	}
}

// After a restart of the machine or container the number in postmaster.pid may
// be another program's.
func TestPidOfAStranger(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	ok(t, syscall.Kill(s.Info().PID, syscall.SIGKILL))
	eventually(t, "end of all its processes", func() bool {
		_, err := postgres.Lookup(dir)
		return err != nil
	})
	path := filepath.Join(dir, "cluster", "postmaster.pid")
	content, err := os.ReadFile(path)
	ok(t, err)
	_, rest, _ := strings.Cut(string(content), "\n")
	// The parent is alive, is not PostgreSQL, and must stay untouched.
	ok(t, os.WriteFile(path, []byte(strconv.Itoa(os.Getppid())+"\n"+rest), 0o600))
	if _, err := postgres.Lookup(dir); !errors.Is(err, postgres.ErrNotRunning) {
		t.Errorf("Lookup: %v", err)
	}
	again := start(t, dir)
	if again.Adopted() || query(t, again.URL(), "select 1") != "1" {
		t.Error("not started")
	}
}

func TestWatchRestarts(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	other := start(t, dir)
	query(t, s.URL(), "create table t (x int); insert into t values (1)")
	events := make(chan postgres.Event, 100)
	done := make(chan error, 2)
	go func() { done <- s.Watch(t.Context(), func(e postgres.Event) { events <- e }) }()
	go func() { done <- other.Watch(t.Context(), nil) }()

	for round := range 3 {
		before := s.Info().PID
		ok(t, syscall.Kill(before, syscall.SIGKILL))
		if e := next(t, events); e.Kind != postgres.Died {
			t.Fatalf("round %d: %v %v", round, e.Kind, e.Err)
		}
		e := next(t, events)
		if e.Kind != postgres.Restarted || e.Info.PID == before || e.Attempt != round+1 {
			t.Fatalf("round %d: %v %+v", round, e.Kind, e)
		}
		if got := query(t, s.URL(), "select x from t"); got != "1" {
			t.Errorf("after restart: %q", got)
		}
		eventually(t, "the other user follows", func() bool { return other.Info() == s.Info() })
	}

	// What was stopped on purpose stays down, for every user.
	ok(t, postgres.Shutdown(t.Context(), dir))
	for range 2 {
		if err := <-done; !errors.Is(err, postgres.ErrStopped) {
			t.Errorf("Watch ended with %v", err)
		}
	}
	if _, err := postgres.Lookup(dir); !errors.Is(err, postgres.ErrNotRunning) {
		t.Errorf("after Shutdown: %v", err)
	}
}

// A folder that is removed under a server that runs stays removed.
func TestWatchRemoved(t *testing.T) {
	for _, gone := range []string{"", "state.json"} {
		dir := filepath.Join(t.TempDir(), "data")
		s, err := postgres.Start(t.Context(), config(dir))
		ok(t, err)
		ok(t, syscall.Kill(s.Info().PID, syscall.SIGKILL))
		eventually(t, "its processes write no more", func() bool { return os.RemoveAll(filepath.Join(dir, gone)) == nil })
		if err := s.Watch(t.Context(), nil); !errors.Is(err, postgres.ErrStopped) || !strings.Contains(err.Error(), "removed") {
			t.Errorf("Watch ended with %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "lock")); gone == "" && err == nil {
			t.Error("the folder was made again")
		}
	}
}

func TestWatchBacksOff(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	events := make(chan postgres.Event, 1000)
	done := make(chan error, 1)
	go func() { done <- s.Watch(ctx, func(e postgres.Event) { events <- e }) }()
	conf := filepath.Join(dir, "cluster", "postgresql.conf")
	content, err := os.ReadFile(conf)
	ok(t, err)
	ok(t, os.WriteFile(conf, append(content, "nonsense = here\n"...), 0o600))
	began := time.Now()
	ok(t, syscall.Kill(s.Info().PID, syscall.SIGKILL))
	if e := next(t, events); e.Kind != postgres.Died {
		t.Fatalf("%v %v", e.Kind, e.Err)
	}
	for attempt := 1; attempt <= 4; attempt++ {
		e := next(t, events)
		if e.Kind != postgres.RestartFailed || e.Attempt != attempt {
			t.Fatalf("%v %+v", e.Kind, e)
		}
		contains(t, e.Err, "nonsense")
	}
	if took := time.Since(began); took < 700*time.Millisecond { // 100 + 200 + 400
		t.Errorf("four attempts in %v", took)
	}
	ok(t, os.WriteFile(conf, content, 0o600))
	for {
		if e := next(t, events); e.Kind == postgres.Restarted {
			break
		}
	}
	if got := query(t, s.URL(), "select 1"); got != "1" {
		t.Errorf("got %q", got)
	}
	cancel()
	ok(t, <-done)
}

func TestWatchEndsWithRelease(t *testing.T) {
	s := start(t, t.TempDir())
	done := make(chan error, 1)
	go func() { done <- s.Watch(t.Context(), nil) }()
	ok(t, s.Release(t.Context()))
	ok(t, <-done)
	if _, err := postgres.Lookup(s.DataDir()); !errors.Is(err, postgres.ErrNotRunning) {
		t.Errorf("restarted after release: %v", err)
	}
}

func next(t *testing.T, events <-chan postgres.Event) postgres.Event {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(60 * time.Second):
		t.Fatal("no event within a minute")
		return postgres.Event{}
	}
}
