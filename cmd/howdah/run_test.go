package main

import (
	"strings"
	"testing"
)

func TestUsageErrors(t *testing.T) {
	s := shell{t, ""}
	for _, c := range []struct {
		line  string
		texts []string
	}{
		{"consmer list", []string{`unknown command "consmer"`, "did you mean consumer?"}},
		{"consumer lst", []string{`unknown command "lst"`, "did you mean list?"}},
		{"consumer create billing", []string{"missing TOPIC", "hint: howdah consumer create --help"}},
		{"claim billing too many", []string{`unexpected argument "too"`}},
		{"status --nope", []string{"unknown flag: --nope"}},
		{"topic create x --partitions many", []string{`invalid argument "many"`}},
		{"consumer replay billing one 2", []string{`"one" is not an id`}},
		{"ack soon", []string{`"soon" is not an id`}},
		{"claim billing --from 2026-01-31", []string{`--from "2026-01-31" is not a time with its zone`, "2026-01-31T12:00:00Z"}},
		{"publish payments --batch 0", []string{"--batch is 0"}},
		{"publish payments --format xml", []string{`--format is "xml", not ndjson or csv`}},
		{"publish payments --zone Chicago", []string{`--zone "Chicago"`, "America/Chicago"}},
		{"topic alter payments", []string{"nothing to alter"}},
		{"down --db postgres://x", []string{"--data"}},
		{"status --db postgres://x --data y", []string{"give one of them"}},
	} {
		t.Run(c.line, func(t *testing.T) {
			s.TB = t
			s.fails(exitUsage, strings.Fields(c.line), c.texts...)
		})
	}
}

func TestWithoutDatabase(t *testing.T) {
	s := shell{t, ""}
	s.fails(exitError, []string{"status", "--data", t.TempDir()}, "no database", "howdah up", "--db")
	s.fails(exitError, []string{"url", "--data", t.TempDir()}, "no database")
	s.fails(exitError, []string{"status", "--db", "postgres://nobody@127.0.0.1:1/x"}, "connect:", "hint: check that PostgreSQL runs there")
	s.fails(exitError, []string{"status", "--db", "postgres://u:secret@:bad:/x"}, "hint: write it like postgres://")
	if r := s.input("", "status", "--db", "postgres://u:secret@127.0.0.1:1/x"); strings.Contains(r.err, "secret") {
		t.Errorf("the password is in the message: %s", r.err)
	}
	if out := s.ok("down", "--data", t.TempDir()); !strings.Contains(out, "was not running") {
		t.Errorf("down says %q", out)
	}
	if out := s.ok("version"); !strings.HasPrefix(out, "howdah ") {
		t.Errorf("version says %q", out)
	}
	if out := s.ok("completion", "bash"); !strings.Contains(out, "complete") {
		t.Errorf("completion says %q", out)
	}
	if out := s.ok("help"); !strings.Contains(out, "HOWDAH_DB") {
		t.Errorf("help says %q", out)
	}
}

func TestURLAndPassword(t *testing.T) {
	s := shell{t, "postgres://app:secret@db:5432/x?sslmode=require"}
	if out := s.ok("url"); strings.TrimSpace(out) != s.url {
		t.Errorf("url printed %q", out)
	}
	address, password := splitPassword(s.url)
	if address != "postgres://app@db:5432/x?sslmode=require" || password != "secret" {
		t.Errorf("split into %q and %q", address, password)
	}
	if address, password := splitPassword("host=/tmp dbname=x"); address != "host=/tmp dbname=x" || password != "" {
		t.Errorf("keywords became %q and %q", address, password)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	rows := []record{
		{[]string{"topic", "events", "bytes", "lag_seconds", "x"}, []any{"payments", int64(1234567), int64(1999), 90.0, nil}},
		{[]string{"topic", "events", "bytes", "lag_seconds", "x"}, []any{"é\x1b[2J", int64(7), int64(5), 0.25, true}},
	}
	if err := table(&b, rows, []string{"topic", "events", "bytes", "lag_seconds", "x"}); err != nil {
		t.Fatal(err)
	}
	want := "TOPIC        EVENTS   BYTES  OLDEST  X\n" +
		"payments  1,234,567  2.0 kB   1m30s  -\n" +
		"é [2J             7     5 B    0.2s  yes\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567890: "1,234,567,890"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) is %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{999: "999 B", 1000: "1.0 kB", 999_999: "1.0 MB", 1_500_000_000: "1.5 GB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) is %s, want %s", n, got, want)
		}
	}
	for seconds, want := range map[float64]string{0: "0.0s", 59.94: "59.9s", 3600: "1h0m", 200000: "2.3d"} {
		if got := age(seconds); got != want {
			t.Errorf("age(%v) is %s, want %s", seconds, got, want)
		}
	}
}
