package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/howdah/howdah/internal/testdb"
)

func TestErrorsSayWhatThereIs(t *testing.T) {
	s := newShell(t)
	s.fails(exitError, []string{"consumer", "create", "billing", "payments"}, "unknown topic 'payments'", "hint: There are no topics yet")
	s.ok("topic", "create", "payments")
	s.ok("consumer", "create", "billing", "payments")
	s.ok("consumer", "create", "audit", "payments", "--start", "latest")
	for _, line := range []string{"consumer seek billng latest", "claim billng", "consumer dead billng", "consumer drop billng", "consumer pause billng", "consumer redrive billng"} {
		s.fails(exitError, strings.Fields(line), "error: unknown consumer 'billng'", "hint: There are: audit, billing.")
	}
	s.fails(exitError, []string{"tail", "paymnts"}, "unknown topic 'paymnts'", "hint: There are: payments.")
	s.fails(exitError, []string{"publish", "paymnts"}, "error: ", "unknown topic 'paymnts'", "hint: There are: payments.")
	s.fails(exitError, []string{"topic", "create", "payments", "--partitions", "4"}, "topic 'payments' exists, and differs")
	s.fails(exitError, []string{"topic", "create", "Payments"}, "'Payments' is not allowed", "[a-z]")
	s.fails(exitError, []string{"topic", "create", "x", "--retention", "5q"}, "5q", "hint: Write a duration like")
	s.fails(exitError, []string{"consumer", "seek", "billing", "2026-01-31 10:00"}, "zone", "hint: Write a time like")
	s.fails(exitError, []string{"claim", "billing", "-n", "0"}, "0")
	s.fails(exitError, []string{"claim", "billing", "--lease", "-5s"}, "lease")
	s.fails(exitError, []string{"ack", "42"}, "claim 42 is not held", "detail: There is no such claim", "hint: ")
	s.fails(exitUsage, []string{"topic", "drop", "payments"}, "events.payments", "--yes")
	s.fails(exitError, []string{"topic", "drop", "payments", "--yes"}, "still has consumers: audit, billing")
	s.ok("consumer", "drop", "audit")
	s.ok("consumer", "drop", "billing")
	s.ok("topic", "drop", "payments", "--yes")
	if out := s.ok("topic", "list"); !strings.Contains(out, "no topics yet") {
		t.Errorf("topic list says %q", out)
	}
}

func TestWork(t *testing.T) {
	s := newShell(t)
	s.ok("topic", "create", "payments")
	s.ok("consumer", "create", "billing", "payments", "--max-attempts", "2")
	s.input("{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", "publish", "payments").want(t, exitOK)
	events := s.rows("claim", "billing", "-n", "10")
	if len(events) != 3 {
		t.Fatalf("claimed %v", events)
	}
	claim := events[0]["claim_id"].(string) // a number would lose digits in JavaScript and others
	if out := s.ok("claim", "billing"); out != "" {
		t.Errorf("a second claim got %q", out)
	}
	if out := s.ok("ack", claim, "1"); out != "1 event acked\n" {
		t.Errorf("ack says %q", out)
	}
	s.fails(exitError, []string{"ack", claim, "99"}, "does not hold id 99", "hint: It holds ids from")
	if out := s.ok("extend", claim, "--lease", "1min"); !strings.HasPrefix(out, "held until ") {
		t.Errorf("extend says %q", out)
	}
	if out := s.ok("nack", claim, "--error", "no account", "--retry-in", "0s"); out != "2 events nacked\n" {
		t.Errorf("nack says %q", out)
	}
	again := s.rows("claim", "billing", "--wait", "20s")
	if len(again) == 0 || again[0]["attempt"].(float64) != 2 {
		t.Fatalf("the second delivery is %v", again)
	}
	claim = again[0]["claim_id"].(string)
	s.ok("nack", claim, "--error", "still no account")
	dead := s.rows("consumer", "dead", "billing", "--json")
	if len(dead) != len(again) || dead[0]["error"] != "still no account" || dead[0]["payload"] == nil {
		t.Fatalf("dead letters are %v", dead)
	}
	if out := s.ok("consumer", "dead", "billing"); !strings.Contains(out, "still no account") {
		t.Errorf("dead says %q", out)
	}
	s.fails(exitError, []string{"consumer", "redrive", "billing", "1"}, "no dead letter with id 1")
	if out := s.ok("consumer", "redrive", "billing"); out != fmt.Sprintf("%s sent round again\n", count(int64(len(dead)), "dead letter")) {
		t.Errorf("redrive says %q", out)
	}
	s.ok("consumer", "pause", "billing")
	if out := s.ok("claim", "billing"); out != "" {
		t.Errorf("a paused consumer handed out %q", out)
	}
	s.ok("consumer", "resume", "billing")
	s.fails(exitUsage, []string{"consumer", "seek", "billing", "-1"}, "-1 is read as a flag: ids are positive")
	r := s.input("", "consumer", "seek", "billing", "999999999")
	r.want(t, exitOK, "lies above the last id drawn")
	if r.out != "consumer billing has moved to 4; gone: 2 pending events\n" {
		t.Errorf("seek says %q", r.out)
	}
	if got := s.rows("consumer", "seek", "billing", "latest", "--json")[0]; got["head"] != 4.0 || got["pending"] != 0.0 {
		t.Errorf("after a seek: %v", got)
	}
	if out := s.ok("consumer", "replay", "billing", "1", "2"); out != "consumer billing gets again what it had of events 1 to 2: 2 pending events now, before 0\n" {
		t.Errorf("replay says %q", out)
	}
	if got := s.rows("claim", "billing"); len(got) != 2 {
		t.Errorf("after a replay of two events %v were handed out", got)
	}
	if out := s.ok("check"); out != "all is well\n" {
		t.Errorf("check says %q", out)
	}
}

// Whoever lacks a right, or a database, is told what to do, without the driver's words for each attempt.
func TestBadConnections(t *testing.T) {
	s := newShell(t)
	s.ok("topic", "create", "payments")
	s.fails(exitError, []string{"event", "payments", "7"}, "topic payments has no event 7: it was never stored")
	nobody := "postgres://x:y@127.0.0.1:1/nowhere"
	for _, args := range [][]string{{"status", "--db", nobody}, {"find", "payments", "--db", nobody}, {"up", "--http", "127.0.0.1:0", "--db", nobody}} {
		r := s.input("", args...)
		r.want(t, exitError, "failed to connect to `user=x database=nowhere`: 127.0.0.1:1 ", "hint: check that PostgreSQL runs there")
		if n := strings.Count(r.err, "connection refused"); n != 1 || strings.Contains(r.err, "howdah url") {
			t.Errorf("howdah %s says\n%s", strings.Join(args, " "), r.err)
		}
	}
	shell{t, nobody}.fails(exitError, []string{"status"}, "`howdah url` prints the URL")
}

func TestStatus(t *testing.T) {
	s := newShell(t)
	if out := s.ok("status"); !strings.Contains(out, "no topics yet") {
		t.Errorf("status says %q", out)
	}
	s.ok("topic", "create", "payments", "--retention", "7d")
	s.ok("topic", "alter", "payments", "--retention", "14d", "--max-bytes", "1000000000")
	s.ok("consumer", "create", "billing", "payments")
	s.input("1\n2\n", "publish", "payments", "-q").want(t, exitOK)
	s.ok("claim", "billing", "-n", "1")
	got := s.rows("status", "--json")[0]
	topic := got["topics"].([]any)[0].(map[string]any)
	if topic["topic"] != "payments" || topic["last_id"] != 2.0 || topic["retention_seconds"] != 14*86400.0 || topic["max_bytes"] != 1e9 {
		t.Errorf("topic is %v", topic)
	}
	consumer := got["consumers"].([]any)[0].(map[string]any)
	if consumer["lag"] != 2.0 || consumer["in_flight"] != 1.0 || consumer["lease_seconds"] != 30.0 {
		t.Errorf("consumer is %v", consumer)
	}
	if claims := got["open_claims"].([]any); len(claims) != 1 {
		t.Errorf("open claims are %v", claims)
	}
	for _, list := range []string{"topic", "consumer"} {
		if rows := s.rows(list, "list", "--json"); len(rows) != 1 {
			t.Errorf("%s list has %v", list, rows)
		}
	}
	if out := s.ok("status"); !strings.Contains(out, "billing") || !strings.Contains(out, "open claims") {
		t.Errorf("status says\n%s", out)
	}
}

func TestCheckAndDoctorFindABrokenTopic(t *testing.T) {
	s := newShell(t)
	s.ok("topic", "create", "payments")
	// The tests' server runs without fsync, which doctor calls an error.
	if r := s.input("", "doctor"); r.code != exitError || !strings.Contains(r.out, "error    durability: fsync is off") || !strings.Contains(r.out, "ok       invariants") {
		t.Errorf("doctor: %d\n%s", r.code, r.out)
	}
	s.exec("alter table events.payments disable trigger howdah_guard")
	r := s.input("", "check")
	r.want(t, exitError, "error: 1 problem")
	if !strings.Contains(r.out, "a trigger of the topic's table is missing or disabled") {
		t.Errorf("check says\n%s", r.out)
	}
	if r := s.input("", "check", "--json"); r.code != exitError || decodeLines(t, r.out)[0]["topic"] != "payments" {
		t.Errorf("check --json: %d\n%s", r.code, r.out)
	}
	if r := s.input("", "doctor"); r.code != exitError || !strings.Contains(r.out, "error    invariants, payments") {
		t.Errorf("doctor: %d\n%s", r.code, r.out)
	}
	s.exec("alter table events.payments enable always trigger howdah_guard")
	s.ok("check")
}

func TestMigrate(t *testing.T) {
	s := shell{t, testdb.Empty(t)}
	s.fails(exitError, []string{"status"}, "has no Howdah in it", "hint: run `howdah migrate`")
	if r := s.input("", "doctor", "--json"); r.code != exitError || !strings.Contains(r.out, "run `howdah migrate`") {
		t.Errorf("doctor: %d\n%s", r.code, r.out)
	}
	if out := s.ok("migrate"); !strings.Contains(out, "installed") {
		t.Errorf("migrate says %q", out)
	}
	if got := s.rows("migrate", "--json")[0]; got["from"] != got["to"] || got["installed"] != false {
		t.Errorf("a second migrate says %v", got)
	}
	s.ok("topic", "create", "payments")
	if out := s.ok("migrate", "--print"); !strings.Contains(out, "howdah.create_topic") {
		t.Error("the script does not create howdah.create_topic")
	}
}

func TestAdopt(t *testing.T) {
	s := newShell(t)
	s.exec(`create table raw_events (id serial, data jsonb not null, at timestamp not null default now());
		insert into raw_events (data) select '{}' from generate_series(1, 5)`)
	s.exec(`create table doubled (id serial, payload json); insert into doubled values (1, '1'), (1, '2')`)
	s.fails(exitError, []string{"topic", "adopt", "bad", "nosuch"}, "nosuch")
	s.fails(exitError, []string{"topic", "adopt", "bad", "raw_events"}, "has no column payload", "hint: Its columns are")
	s.fails(exitError, []string{"topic", "adopt", "bad", "raw_events", "--id", "data", "--payload", "data"}, "column data is jsonb, not an integer")
	s.fails(exitError, []string{"topic", "adopt", "bad", "doubled"}, "build index", "hint: ids of a topic are unique: remove the duplicates in column id of doubled")
	for range 2 {
		out := s.ok("topic", "adopt", "raw", "raw_events", "--payload", "data", "--event-time", "at")
		if !strings.Contains(out, "raw_events") {
			t.Errorf("adopt says %q", out)
		}
	}
	s.ok("consumer", "create", "reader", "raw")
	s.exec(`insert into raw_events (data) values ('{"new": true}')`)
	if got := s.rows("claim", "reader"); len(got) != 6 {
		t.Errorf("claimed %v", got)
	}
	if got := s.rows("tail", "raw", "-n", "2", "--json"); len(got) != 2 || got[1]["id"] != 6.0 {
		t.Errorf("tail shows %v", got)
	}
	if out := s.ok("event", "raw", "6"); !strings.HasPrefix(out, "6  -  -  {\"new\": true}\n") {
		t.Errorf("event shows %s", out)
	}
	got := s.rows("find", "raw", "-n", "1", "--json")[0]
	if _, there := got["received_at"]; there || got["event_time"] == nil {
		t.Errorf("find shows %v", got)
	}
	s.fails(exitUsage, []string{"find", "raw", "-n", "0"}, "-n is 0, not positive")
	s.ok("consumer", "drop", "reader")
	if out := s.ok("topic", "drop", "raw"); !strings.Contains(out, "stays as it is") {
		t.Errorf("drop says %q", out)
	}
}

func TestPsql(t *testing.T) {
	s := newShell(t)
	if r := s.input("", "psql", "--", "-XAtc", "select 6 * 7"); r.code != exitOK || r.out != "42\n" {
		t.Skipf("no psql on this machine: %s", r.err)
	}
	if r := s.input("", "psql", "--", "-Xc", "select nosuch"); r.code != exitError || !strings.Contains(r.err, "nosuch") {
		t.Errorf("psql: %d %s", r.code, r.err)
	}
}

func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
