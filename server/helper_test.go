package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/postgres"
	"github.com/howdah/howdah/server"
)

// admin is the URL of a database in which the tests may create databases.
var admin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "howdah-server")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	pg, err := postgres.Start(context.Background(), postgres.Config{DataDir: dir, Disposable: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = pg.Release(context.Background()) }()
	admin = pg.URL()
	return m.Run()
}

var databases atomic.Int64

// fresh gives a database of the test's own. After the test its invariants are checked.
func fresh(t *testing.T) *howdah.DB {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, admin)
	must(t, err)
	name := fmt.Sprintf("server_%d_%d", os.Getpid(), databases.Add(1))
	_, err = conn.Exec(ctx, "create database "+name)
	must(t, err)
	t.Cleanup(func() {
		_, err := conn.Exec(ctx, "drop database "+name+" with (force)")
		_ = conn.Close(ctx)
		must(t, err)
	})
	db, err := howdah.Open(ctx, strings.Replace(admin, "/howdah?", "/"+name+"?", 1), howdah.WithMigrate())
	must(t, err)
	t.Cleanup(func() {
		problems, err := db.Check(ctx)
		if err != nil || len(problems) > 0 {
			t.Errorf("check: %v %v", problems, err)
		}
		db.Close()
	})
	return db
}

// A site is a running server and a client of it.
type site struct {
	t     *testing.T
	db    *howdah.DB
	url   string
	token string
	stop  func() error // asks Run to end and gives its error
}

func start(t *testing.T, db *howdah.DB, change func(*server.Config)) *site {
	t.Helper()
	c := server.Config{DB: db, HTTP: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Version: "test"}
	if change != nil {
		change(&c)
	}
	s, err := server.New(c)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	stop := func() error {
		cancel()
		if stopped {
			return nil
		}
		stopped = true
		select {
		case err := <-ended:
			return err
		case <-time.After(20 * time.Second):
			return fmt.Errorf("Run did not end")
		}
	}
	t.Cleanup(func() { must(t, stop()) })
	return &site{t: t, db: db, url: s.URL(), token: c.Token, stop: stop}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// object is a decoded answer.
type object map[string]any

func (s *site) send(method, path, body string, header ...string) (*http.Response, error) {
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Set(header[i], header[i+1])
	}
	return http.DefaultClient.Do(r)
}

// do sends a request and wants a status.
func (s *site) do(status int, method, path, body string, header ...string) object {
	s.t.Helper()
	resp, err := s.send(method, path, body, header...)
	must(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	must(s.t, err)
	if resp.StatusCode != status {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, resp.StatusCode, b, status)
	}
	if status >= 400 && resp.Header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("%s %s: an error of type %s", method, path, resp.Header.Get("Content-Type"))
	}
	var o object
	if len(bytes.TrimSpace(b)) > 0 && strings.Contains(resp.Header.Get("Content-Type"), "json") {
		must(s.t, json.Unmarshal(b, &o))
	} else {
		o = object{"text": string(b)}
	}
	return o
}

// get reads a value by the names of members and the numbers of items on the way to it.
func (o object) get(path ...any) any {
	var v any = map[string]any(o)
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func (s *site) want(what string, got, want any) {
	s.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s is %v, want %v", what, got, want)
	}
}
