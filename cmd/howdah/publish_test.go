package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestPublishNDJSON(t *testing.T) {
	s := newShell(t)
	file := writeFile(t, "e.ndjson", "\xef\xbb\xbf{\"card\":\"c1\",\"at\":\"2026-01-31T12:00:00-06:00\", \"x\":1e2}\n\n{\"card\":7,\"at\":\"2026-01-31T18:00:01Z\"}")
	s.ok("publish", "payments", file, "--key", "card", "--time", "at", "--topic-create")
	got := s.rows("tail", "payments", "--json")
	if len(got) != 2 {
		t.Fatalf("published %v", got)
	}
	if got[0]["key"] != "c1" || got[0]["event_time"] != "2026-01-31T18:00:00Z" || got[1]["key"] != "7" {
		t.Errorf("published %v", got)
	}
	if out := s.ok("tail", "payments"); !strings.Contains(out, `{"card":"c1","at":"2026-01-31T12:00:00-06:00", "x":1e2}`) {
		t.Errorf("the payload is not kept to the byte:\n%s", out)
	}
	r := s.input("1\n2\n{\"a\":\n4\n", "publish", "payments", "--json")
	r.want(t, exitError, "stdin:3: not JSON")
	if sum := decodeLines(t, r.out)[0]; sum["events"] != 2.0 || sum["last_id"] != 4.0 {
		t.Errorf("the summary is %v", sum)
	}
	if got := s.rows("tail", "payments", "--json", "--since", "3"); len(got) != 2 {
		t.Errorf("before the bad line there were %v", got)
	}
	s.input("1e400\n{\"n\":\"\xff\"}\n", "publish", "payments").want(t, exitError, "stdin:2:", "not UTF-8")
	if out := s.ok("tail", "payments", "-n", "1"); !strings.Contains(out, "1e400") {
		t.Errorf("a number that Go has no room for is shown as %s", out)
	}
	s.exec("insert into events.payments (payload, event_time) values ('1', 'infinity')")
	if got := s.rows("tail", "payments", "-n", "1", "--json"); got[0]["event_time"] != "infinity" {
		t.Errorf("no end of time: %v", got)
	}
	s.input("[1]\n", "publish", "payments", "--key", "a").want(t, exitError, "stdin:1: not a JSON object")
	s.input("{}\n", "publish", "payments", "--key", "a").want(t, exitError, `field "a" for --key is missing`)
	s.input(`{"at":"2026-01-31 12:00:00"}`, "publish", "payments", "--time", "at").
		want(t, exitError, `time "2026-01-31 12:00:00" has no zone`, "2026-01-31T12:00:00Z", "--zone")
	s.input("{\n  \"a\": 1\n}\n", "publish", "payments").want(t, exitError, "stdin:1: not JSON", "one whole JSON value a line")
	s.input("\xff\xfe{\x00}\x00", "publish", "payments").want(t, exitError, "stdin is UTF-16", "iconv -f utf16")
	for _, key := range []string{`\u0000`, `a\\\u0000`, `\ud800`, `\udc00\ud800`, `\ud83d\ud83d\ude00`} {
		s.input(`{"a":"ok"}`+"\n"+`{"a":"`+key+`"}`, "publish", "payments", "--key", "a").want(t, exitError, `stdin:2: field "a": the escape \u`, "keys")
		if got := s.rows("tail", "payments", "-n", "1", "--json"); got[0]["key"] != "ok" {
			t.Errorf("before the bad key %s there was %v", key, got)
		}
	}
	s.input(`{"a":"c:\\u0000 \ud83d\ude00","b":"\u0000\ud800"}`, "publish", "payments", "--key", "a").want(t, exitOK)
	if got := s.rows("tail", "payments", "-n", "1", "--json"); got[0]["key"] != `c:\u0000 😀` {
		t.Errorf("published %v", got)
	}
	s.input("", "publish", "payments", t.TempDir()).want(t, exitUsage, "is a folder")
	s.input("", "publish", "payments", "no-such-file").want(t, exitError, "no-such-file")
}

func TestPublishCSV(t *testing.T) {
	s := newShell(t)
	s.ok("topic", "create", "orders")
	file := writeFile(t, "o.csv", "id,card,amount,at,ok,note\n1,007,12.50,2026-01-31 10:00:00,true,\"a \"\"b\"\"\nc\"\n2,c2,-3e5,2026-07-31 10:00:00,false,\n")
	s.ok("publish", "orders", file, "--key", "card", "--time", "at", "--zone", "America/Chicago")
	out := s.ok("tail", "orders", "--json")
	got := decodeLines(t, out)
	if len(got) != 2 || got[0]["key"] != "007" || got[0]["event_time"] != "2026-01-31T16:00:00Z" || got[1]["event_time"] != "2026-07-31T15:00:00Z" {
		t.Fatalf("published %v", got)
	}
	if !strings.Contains(out, `"payload":{"id":1,"card":"007","amount":12.50,"at":"2026-01-31 10:00:00","ok":true,"note":"a \"b\"\nc"}`) {
		t.Errorf("payloads are\n%s", out)
	}
	s.input("a,b\n1\n", "publish", "orders", "--format", "csv").want(t, exitError, "stdin:2: the header has 2 fields, this row 1")
	s.input("a\nM\xfcller\n", "publish", "orders", "--format", "csv").want(t, exitError, "stdin:2:", "not UTF-8")
	s.input("a,a\n1,2\n", "publish", "orders", "--format", "csv").want(t, exitError, `column "a" is there twice`)
	s.input("a\n1\n", "publish", "orders", "--format", "csv", "--strings").want(t, exitOK)
	if got := s.rows("tail", "orders", "-n", "1", "--json"); got[0]["payload"].(map[string]any)["a"] != "1" {
		t.Errorf("with --strings: %v", got)
	}
}

func TestPublishManyInOrder(t *testing.T) {
	s := newShell(t)
	var b strings.Builder
	const n = 12_345
	for i := range n {
		_, _ = fmt.Fprintf(&b, "{\"n\":%d}\n", i)
	}
	s.input(b.String(), "publish", "many", "--topic-create", "--batch", "1000").want(t, exitOK)
	got := s.rows("tail", "many", "-n", fmt.Sprint(2*n), "--json")
	if len(got) != n {
		t.Fatalf("%d events, want %d", len(got), n)
	}
	for i, e := range got {
		if e["payload"].(map[string]any)["n"] != float64(i) {
			t.Fatalf("event %d is %v", i, e)
		}
	}
}

// A pipe that stays open must not hold back what has come through it, and Ctrl-C must not lose it.
func TestPublishFromASlowPipe(t *testing.T) {
	s := newShell(t)
	s.ok("topic", "create", "logs")
	tail := s.background(nil, "tail", "logs", "-f", "--json")
	in, w := io.Pipe()
	publish := s.background(in, "publish", "logs")
	seen := json.NewDecoder(bufio.NewReader(tail.out))
	for i := 1; i <= 2; i++ {
		if _, err := fmt.Fprintf(w, "{\"n\":%d}\n", i); err != nil {
			t.Fatal(err)
		}
		if i == 1 && !waitForEvent(t, s) {
			t.Fatal("the first event was held back")
		}
		if i == 2 {
			var e struct{ Payload struct{ N int } }
			if err := seen.Decode(&e); err != nil || e.Payload.N == 0 {
				t.Fatalf("tail -f shows %v, %v", e, err)
			}
		}
	}
	publish.stop().want(t, exitError, "interrupted")
	if r := tail.stop(); r.code != exitOK {
		t.Errorf("tail -f ended with %d: %s", r.code, r.err)
	}
	_ = w.Close()
}

// A database that comes back is no reason to end: each event is shown once.
func TestTailAndTopAfterALostConnection(t *testing.T) {
	s := newShell(t)
	s.ok("topic", "create", "logs")
	tail, top := s.background(nil, "tail", "logs", "-f", "--json"), s.background(nil, "top", "--json", "--every", "100ms")
	events, looks := json.NewDecoder(bufio.NewReader(tail.out)), json.NewDecoder(bufio.NewReader(top.out))
	for i := 1; i <= 3; i++ {
		s.exec(fmt.Sprintf("insert into events.logs (payload) values ('{\"n\": %d}')", i))
		var e struct{ Payload struct{ N int } }
		if err := events.Decode(&e); err != nil || e.Payload.N != i {
			t.Fatalf("tail -f shows %v, %v for event %d", e, err, i)
		}
		var look struct{ Topics []map[string]any }
		for len(look.Topics) == 0 || look.Topics[0]["last_id"] != float64(i) {
			if err := looks.Decode(&look); err != nil {
				t.Fatalf("top after event %d: %v", i, err)
			}
		}
		s.exec("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'howdah' and datname = current_database()")
	}
	for name, b := range map[string]*background{"tail": tail, "top": top} {
		r := b.stop()
		r.want(t, exitOK, "lost the database: ", "connecting again")
		if n := strings.Count(r.err, "connecting again"); n > 3 {
			t.Errorf("%s said %d times that it lost its connection:\n%s", name, n, r.err)
		}
	}
}

// waitForEvent lets a consumer wait for an event of topic logs.
func waitForEvent(t *testing.T, s shell) bool {
	t.Helper()
	s.ok("consumer", "create", "waiting", "logs")
	return len(s.rows("claim", "waiting", "--wait", "20s")) > 0
}

func TestTop(t *testing.T) {
	s := newShell(t)
	s.ok("topic", "create", "payments")
	s.ok("consumer", "create", "billing", "payments")
	s.fails(exitError, []string{"top"}, "top needs a terminal", "howdah status")
	top := s.background(nil, "top", "--json", "--every", "100ms")
	looks := json.NewDecoder(bufio.NewReader(top.out))
	for look := range 2 {
		var got struct{ Topics, Consumers []map[string]any }
		if err := looks.Decode(&got); err != nil {
			t.Fatal(err)
		}
		rate, ok := got.Topics[0]["in_per_s"]
		if !ok || look == 1 && rate != 0.0 || len(got.Consumers) != 1 {
			t.Errorf("look %d shows %v", look, got)
		}
	}
	if r := top.stop(); r.code != exitOK {
		t.Errorf("top ended with %d: %s", r.code, r.err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"{\"a\":1}\n[2]", "a,b\n1,\"x\ny\"", "\xef\xbb\xbfa\n007", "{\"a\":\"2026-01-31\"}", "\"\x00\xff\""} {
		f.Add(s, "a", true)
		f.Add(s, "", false)
	}
	f.Fuzz(func(t *testing.T, input, field string, asCSV bool) {
		events := make(chan read, 16)
		failed := make(chan error, 1)
		one := source{name: "x", csv: asCSV, open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(input)), nil }}
		go func() {
			defer close(events)
			failed <- readAll(context.Background(), []source{one}, &decoder{key: field, time: field}, &progress{}, events)
		}()
		for e := range events {
			if !json.Valid(e.Payload) {
				t.Errorf("payload %q of %q is not JSON", e.Payload, input)
			}
		}
		<-failed
	})
}
