package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// result is what one command line did.
type result struct {
	code     int
	out, err string
}

// shell runs command lines against one database.
type shell struct {
	testing.TB
	url string
}

func newShell(t testing.TB) shell { return shell{t, testdb.New(t)} }

func (s shell) env(name string) string {
	if name == "HOWDAH_DB" {
		return s.url
	}
	return ""
}

func (s shell) input(stdin string, args ...string) result {
	var out, err bytes.Buffer
	code := Run(context.Background(), args, Stdio{In: strings.NewReader(stdin), Out: &out, Err: &err, Getenv: s.env})
	return result{code, out.String(), err.String()}
}

// ok runs a command that has to work, and returns what it printed.
func (s shell) ok(args ...string) string {
	s.Helper()
	r := s.input("", args...)
	if r.code != exitOK {
		s.Fatalf("howdah %s: exit code %d\n%s", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

// fails runs a command that has to fail with a code, and with all of some texts in its message.
func (s shell) fails(code int, args []string, texts ...string) {
	s.Helper()
	r := s.input("", args...)
	r.want(s, code, texts...)
}

func (r result) want(t testing.TB, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.err, text) {
			t.Errorf("%q is missing in\n%s", text, r.err)
		}
	}
}

// rows reads JSON, an object a line.
func (s shell) rows(args ...string) []map[string]any {
	s.Helper()
	return decodeLines(s, s.ok(args...))
}

func decodeLines(t testing.TB, out string) []map[string]any {
	t.Helper()
	var all []map[string]any
	d := json.NewDecoder(strings.NewReader(out))
	for {
		var row map[string]any
		err := d.Decode(&row)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		all = append(all, row)
	}
}

// exec runs SQL on the database.
func (s shell) exec(sql string) {
	s.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		s.Fatal(err)
	}
}

// background is a command that runs until it is stopped.
type background struct {
	out    *io.PipeReader
	cancel context.CancelFunc
	done   chan result
}

func (s shell) background(stdin io.Reader, args ...string) *background {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	b := &background{out: r, cancel: cancel, done: make(chan result, 1)}
	var errs locked
	go func() {
		code := Run(ctx, args, Stdio{In: stdin, Out: w, Err: &errs, Getenv: s.env})
		_ = w.Close()
		b.done <- result{code: code, err: errs.String()}
	}()
	s.Cleanup(func() { cancel(); _ = r.Close() })
	return b
}

// stop is the first Ctrl-C.
func (b *background) stop() result {
	b.cancel()
	go func() { _, _ = io.Copy(io.Discard, b.out) }()
	return <-b.done
}

type locked struct {
	sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(p)
}
