package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestDocs(t *testing.T) {
	s := newShell(t)
	s.ok("docs", "create", "customers", "--changes", "customers.changes")
	s.ok("docs", "put", "customers", "c1", `{"city": "Milwaukee", "zip": "53202"}`)
	s.input(`{"city": "Chicago"}`, "docs", "put", "customers", "c1", "--if-version", "1").want(t, exitOK)
	s.fails(exitError, []string{"docs", "put", "customers", "c1", `{}`, "--if-version", "1"}, "has version 2", "hint: ")
	s.ok("docs", "patch", "customers", "c1", `{"state": "IL"}`)
	if got := s.ok("docs", "get", "customers", "c1"); got != `{"city": "Chicago", "state": "IL"}`+"\n" {
		t.Errorf("get: %s", got)
	}
	first := s.rows("docs", "history", "customers", "c1", "--json")[2]
	if got := s.ok("docs", "get", "customers", "c1", "--as-of", first["known_at"].(string)); !strings.Contains(got, "Milwaukee") {
		t.Errorf("as of the first version: %s", got)
	}
	s.ok("docs", "put", "customers", "c2", `{"city": "Chicago"}`)
	s.ok("docs", "index", "customers")
	if got := s.rows("docs", "find", "customers", `{"city": "Chicago"}`, "--json"); len(got) != 2 || got[1]["key"] != "c2" {
		t.Errorf("find: %v", got)
	}
	if got := s.ok("docs", "scan", "customers", "c", "-n", "1"); !strings.HasPrefix(got, "c1\t{") {
		t.Errorf("scan: %s", got)
	}
	s.ok("docs", "rm", "customers", "c2")
	s.fails(exitError, []string{"docs", "get", "customers", "c2"}, "no document")
	s.fails(exitError, []string{"docs", "get", "nobody", "c2"}, "unknown collection", "There are: customers")
	s.fails(exitUsage, []string{"docs", "put", "customers", "c2", `{"a":`}, "not JSON")
	s.fails(exitError, []string{"docs", "put", "customers", "c2", `[1]`}, "not a JSON object")
	s.fails(exitUsage, []string{"docs", "get", "customers", "c1", "--as-of", "2026-01-31T12:00:00"}, "--as-of")
	if got := s.rows("docs", "ls", "--json"); got[0]["changes"] != "customers.changes" || got[0]["indexed"] != true {
		t.Errorf("ls: %v", got)
	}
	if got := s.rows("tail", "customers.changes", "-n", "10", "--json"); len(got) != 5 {
		t.Errorf("%d changes", len(got))
	}
	s.ok("docs", "changes", "customers", "--off")
	s.fails(exitUsage, []string{"docs", "drop", "customers"}, "--yes")
	s.ok("docs", "drop", "customers", "--yes")
}

func TestDocsLoad(t *testing.T) {
	s := newShell(t)
	var b strings.Builder
	const n = 12_345
	for i := range n {
		_, _ = fmt.Fprintf(&b, "{\"id\": \"k%d\", \"n\": %d, \"at\": \"2026-01-31T12:00:00Z\"}\n", i, i)
	}
	s.fails(exitUsage, []string{"docs", "load", "many"}, "--key")
	s.input(b.String(), "docs", "load", "many", "--key", "id", "--valid-from", "at").want(t, exitError, "unknown collection")
	for version := 1; version <= 2; version++ { // by COPY, then as the next versions
		s.input(b.String(), "docs", "load", "many", "--key", "id", "--valid-from", "at", "--create").want(t, exitOK)
		got := s.rows("docs", "get", "many", "k7", "k12344", "--json")
		if len(got) != 2 || got[1]["version"] != float64(version) || got[1]["valid_from"] != "2026-01-31T12:00:00Z" {
			t.Errorf("loaded: %v", got)
		}
	}
	s.input("id,city\na,Oslo\nb,\n", "docs", "load", "csv", "--key", "id", "--create", "--format", "csv").want(t, exitOK)
	if got := s.ok("docs", "scan", "csv"); got != "a\t{\"id\": \"a\", \"city\": \"Oslo\"}\nb\t{\"id\": \"b\", \"city\": null}\n" {
		t.Errorf("csv: %s", got)
	}
	s.input("{\"id\":\"x\"}\n[1]\n", "docs", "load", "csv", "--key", "id").want(t, exitError, "stdin:2")
	s.input(`{"id":"y\\u0000"}`+"\n"+`{"id":"z","b":["\u0000"]}`, "docs", "load", "csv", "--key", "id").
		want(t, exitError, `stdin:2: the escape \u0000 cannot be stored in documents: remove or replace it`)
	s.input(`{"id":"z","b":"\ud800"}`, "docs", "load", "csv", "--key", "id").want(t, exitError, `stdin:1: the escape \ud800`)
	s.input("id,b\nz,1\nzz,\"\n\x00\"\n", "docs", "load", "csv", "--key", "id", "--format", "csv").want(t, exitError, `stdin:3: the escape \u0000`)
	r := s.input("{\"id\":1}\n{\"id\":2}\n\n{\"id\":null}\n{\"id\":3}\n", "docs", "load", "csv", "--key", "id")
	r.want(t, exitError, "stdin:4: ", "hint: A key is a text of 1 to 1,024 bytes.")
	if got := s.rows("docs", "get", "csv", "1", "2", "--json"); len(got) != 2 || !strings.Contains(r.out, "2 documents loaded") {
		t.Errorf("before the bad line: %v\n%s", got, r.out)
	}
	s.ok("docs", "get", "csv", `y\u0000`)
	s.ok("docs", "get", "csv", "z")
}
