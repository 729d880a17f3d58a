package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestPublishClaimSettle(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`) // the same again
	s.do(201, "POST", "/v1/consumers", `{"consumer":"audit","topic":"pay","max_attempts":1}`)
	p := s.do(201, "POST", "/v1/topics/pay/events", `{"payload":{"n": 1, "s":"<&>"},"key":"k","event_time":"2026-01-31T06:00:00-06:00","headers":{"a":1}}`)
	s.want("events", p.get("events"), 1)
	s.do(201, "POST", "/v1/topics/pay/events", `[{"payload":2},{"payload":null}]`)
	s.do(201, "POST", "/v1/topics/pay/events", "{\"payload\":4}\n\n{\"payload\":5}\n", "Content-Type", "application/x-ndjson")
	s.do(201, "POST", "/v1/topics/pay/events?payloads=true&key_field=id", "{\"id\":\"x\",\"v\":6}\n{\"id\":7}\n")

	k := s.do(200, "POST", "/v1/consumers/audit/claim?batch=10", "")
	if n := len(k.get("events").([]any)); n != 7 {
		t.Fatalf("claimed %d events, want 7", n)
	}
	s.want("payload", k.get("events", 0, "payload", "s"), "<&>")
	s.want("key", k.get("events", 0, "key"), "k")
	s.want("event time", k.get("events", 0, "event_time"), "2026-01-31T12:00:00Z")
	s.want("key from a field", k.get("events", 5, "key"), "x")
	s.want("number as key", k.get("events", 6, "key"), "7")
	id, ok := k["claim_id"].(string)
	if !ok {
		t.Fatalf("claim_id is %T, want a string", k["claim_id"])
	}
	s.want("nothing more", len(s.do(200, "POST", "/v1/consumers/audit/claim", "").get("events").([]any)), 0)
	s.do(200, "POST", "/v1/claims/"+id+"/extend?lease=2m", "")
	s.want("acked", s.do(200, "POST", "/v1/claims/"+id+"/ack", `{"ids":[1,2,3]}`).get("events"), 3)
	s.want("nacked", s.do(200, "POST", "/v1/claims/"+id+"/nack", `{"ids":[4],"error":"no such account"}`).get("events"), 1)
	s.want("acked", s.do(200, "POST", "/v1/claims/"+id+"/ack", "").get("events"), 3)
	s.want("lost", s.do(409, "POST", "/v1/claims/"+id+"/ack", "").get("code"), "claim_lost")

	d := s.do(200, "GET", "/v1/consumers/audit/dead-letters", "")
	s.want("dead", d.get("dead_letters", 0, "id"), 4)
	s.want("error", d.get("dead_letters", 0, "error"), "no such account")
	s.want("payload", d.get("dead_letters", 0, "payload"), 4)
	s.want("redriven", s.do(200, "POST", "/v1/consumers/audit/redrive", "").get("events"), 1)
	k = s.do(200, "POST", "/v1/consumers/audit/claim", "")
	s.want("redriven event", k.get("events", 0, "id"), 4)
	s.do(204, "POST", "/v1/claims/"+k["claim_id"].(string)+"/release", "")

	s.do(200, "POST", "/v1/consumers/audit/seek", `{"target":"earliest"}`)
	s.do(200, "POST", "/v1/consumers/audit/pause", "")
	s.want("paused", len(s.do(200, "POST", "/v1/consumers/audit/claim", "").get("events").([]any)), 0)
	c := s.do(200, "POST", "/v1/consumers/audit/resume", "")
	s.want("lag", c.get("lag"), 7)
	s.want("page", s.do(200, "GET", "/v1/topics/pay/events?after=2&limit=3", "").get("after"), 5)
	s.want("check", len(s.do(200, "GET", "/v1/check", "").get("problems").([]any)), 0)
	s.do(409, "DELETE", "/v1/topics/pay", "")
	s.do(204, "DELETE", "/v1/consumers/audit", "")
	s.do(204, "DELETE", "/v1/topics/pay", "")
}

// What is refused stores nothing and says what to do.
func TestBadInput(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	for _, x := range []struct {
		status                    int
		method, path, body, words string
	}{
		{400, "POST", "/v1/topics/pay/events", `{"payload":`, "not valid JSON"},
		{400, "POST", "/v1/topics/pay/events", `[]`, "no events"},
		{400, "POST", "/v1/topics/pay/events", ` `, "not valid JSON"},
		{400, "POST", "/v1/topics/pay/events", `{"amount":5}`, "payloads=true"},
		{400, "POST", "/v1/topics/pay/events", `{"key":"a"}`, "payload is missing"},
		{400, "POST", "/v1/topics/pay/events", `{"payload":1,"key":5}`, `\"key\" is a number, not a string`},
		{400, "POST", "/v1/topics/pay/events", `{"payload":1,"event_time":[]}`, `\"event_time\" is an array, not a string`},
		{400, "POST", "/v1/topics/pay/events", `5`, "it is a number; an event is"},
		{400, "POST", "/v1/topics/pay/events", `{"payload":1,"event_time":"2026-01-31T06:00:00"}`, "zone"},
		{400, "POST", "/v1/topics/pay/events", `{"payload":1,"headers":[1]}`, "headers"},
		{400, "POST", "/v1/topics/pay/events", `[{"payload":1},{"payload":2},7]`, "event 3 of 3"},
		{400, "POST", "/v1/topics/pay/events", "{\"payload\":1}\n{\"payload\":2}\nnonsense\n{\"payload\":4}", "line 3"},
		{400, "POST", "/v1/topics/pay/events", `{"payload":1,"key":"a\u0000b"}`, "0x00"},
		{404, "GET", "/v1/nothing", "", "there is no /v1/nothing"},
		{405, "DELETE", "/v1/topics", "", "GET, HEAD, POST work"},
		{404, "POST", "/v1/topics/pai/events", `{"payload":1}`, "There are: pay"},
		{404, "GET", "/v1/topics/pai", "", "There are: pay"},
		{404, "GET", "/v1/topics/pai/tail", "", "There are: pay"},
		{404, "POST", "/v1/consumers/c/claim", "", "no consumers yet"},
		{404, "GET", "/v1/consumers/c/dead-letters", "", "no consumers yet"},
		{400, "POST", "/v1/topics", `{"topic":"Pay me"}`, "a-z"},
		{409, "POST", "/v1/topics", `{"topic":"pay","partitions":4}`, "exists"},
		{400, "POST", "/v1/consumers", `{"consumer":"c","topic":"pay","start":"2026-01-31T06:00:00"}`, "zone"},
		{400, "POST", "/v1/consumers/c/claim?wait=soon", "", "not a duration"},
		{422, "POST", "/v1/consumers/c/claim?batch=0", "", "batch"},
		{422, "POST", "/v1/consumers/c/claim?bach=9", "", "bach"},
		{422, "POST", "/v1/consumers/c/claim", `{"batch":5}`, "query"},
		{400, "POST", "/v1/claims/abc/ack", "", "claim_id"},
		{409, "POST", "/v1/claims/123456/ack", "", "claim"},
	} {
		o := s.do(x.status, x.method, x.path, x.body)
		if text, _ := json.Marshal(o); !strings.Contains(strings.ToLower(string(text)), strings.ToLower(x.words)) {
			t.Errorf("%s %s %s: %s does not say %q", x.method, x.path, x.body, text, x.words)
		}
	}
	s.want("line", s.do(400, "POST", "/v1/topics/pay/events", "1\n{", "Content-Type", "application/x-ndjson").get("line"), 1)
	s.want("stored", s.do(200, "GET", "/v1/topics/pay", "").get("first_id"), nil)
}

func TestBodyLimit(t *testing.T) {
	s := start(t, fresh(t), func(c *Config) { c.MaxBodyBytes = 1000 })
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	s.do(413, "POST", "/v1/topics/pay/events", `{"payload":"`+strings.Repeat("x", 2000)+`"}`)
	s.do(201, "POST", "/v1/topics/pay/events", `{"payload":"`+strings.Repeat("x", 900)+`"}`)
}

// A claim that waits is answered as soon as there is something.
func TestWaitingClaim(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	s.do(201, "POST", "/v1/consumers", `{"consumer":"c","topic":"pay"}`)
	began := time.Now()
	s.want("nothing", len(s.do(200, "POST", "/v1/consumers/c/claim?wait=300ms", "").get("events").([]any)), 0)
	if d := time.Since(began); d < 300*time.Millisecond || d > 5*time.Second {
		t.Errorf("waited %s, want 300ms", d)
	}
	type result struct {
		o  object
		at time.Time
	}
	got := make(chan result)
	go func() {
		o := s.do(200, "POST", "/v1/consumers/c/claim?wait=30s", "")
		got <- result{o, time.Now()}
	}()
	select {
	case r := <-got:
		t.Fatalf("answered before there was anything: %v", r.o)
	case <-time.After(200 * time.Millisecond): // not a synchronisation: any length proves the same
	}
	s.do(201, "POST", "/v1/topics/pay/events", `{"payload":1}`)
	stored := time.Now()
	r := <-got
	s.want("event", r.o.get("events", 0, "payload"), 1)
	if d := r.at.Sub(stored); d > time.Second {
		t.Errorf("answered %s after the event was stored", d)
	}
	s.do(200, "POST", "/v1/claims/"+r.o["claim_id"].(string)+"/ack", "")
}

// Requests that arrive together share transactions; each answer still means durable, and only a bad one is refused.
func TestGroupCommit(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	const clients, each = 32, 20
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for i := range each {
				body, want := fmt.Sprintf(`{"payload":{"c":%d,"i":%d}}`, c, i), 201
				if (c+i)%10 == 0 {
					body, want = `{"payload":0,"key":"a\u0000b"}`, 400 // which only the database finds
				}
				resp, err := s.send("POST", "/v1/topics/pay/events", body)
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode != want {
					t.Errorf("client %d request %d: %d, want %d", c, i, resp.StatusCode, want)
				}
			}
		})
	}
	wg.Wait()
	good := 0
	for c := range clients {
		for i := range each {
			if (c+i)%10 != 0 {
				good++
			}
		}
	}
	events := s.do(200, "GET", "/v1/topics/pay/events?limit=10000", "").get("events").([]any)
	seen := map[string]bool{}
	for _, e := range events {
		seen[fmt.Sprint(object(e.(map[string]any)).get("payload"))] = true
	}
	s.want("stored", len(events), good)
	s.want("different", len(seen), good)
	m := s.do(200, "GET", "/metrics", "")["text"].(string)
	var stored, commits int
	for line := range strings.Lines(m) {
		_, _ = fmt.Sscanf(line, `howdah_http_events_published_total{topic="pay"} %d`, &stored)
		_, _ = fmt.Sscanf(line, `howdah_http_publish_commits_total{topic="pay"} %d`, &commits)
	}
	s.want("counted", stored, good)
	if commits == 0 || commits >= good {
		t.Errorf("%d events took %d transactions: none were written together", good, commits)
	}
}
