package server_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah/server"
)

type Config = server.Config

func TestTokenBeyondLoopback(t *testing.T) {
	db := fresh(t)
	if _, err := server.New(server.Config{DB: db, HTTP: "0.0.0.0:0"}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Fatalf("a server for everybody without a token: %v", err)
	}
	s := start(t, db, func(c *Config) { c.HTTP, c.Token = "0.0.0.0:0", "secret" })
	s.do(200, "GET", "/v1/topics", "")
	s.do(200, "GET", "/v1/topics", "", "Host", "howdah.example.org")
	for _, h := range []string{"", "Bearer", "Bearer secre", "Bearer secrets", "Basic secret"} {
		s.want(h, s.do(401, "GET", "/v1/topics", "", "Authorization", h).get("code"), "token")
		s.do(401, "GET", "/metrics", "", "Authorization", h)
		s.do(401, "GET", "/v1/topics/x/tail", "", "Authorization", h)
	}
	s.want("health", s.do(200, "GET", "/healthz", "", "Authorization", "").get("status"), "ok")
}

// A page that a browser on this machine shows must not reach the API.
func TestForeignPages(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(403, "POST", "/v1/topics", `{"topic":"a"}`, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
	s.do(403, "POST", "/v1/topics", `{"topic":"a"}`, "Origin", "https://evil.example")
	s.do(403, "GET", "/v1/topics", "", "Host", "evil.example:8470")
	s.do(200, "GET", "/v1/topics", "", "Host", "localhost:1")
	s.want("topics", len(s.do(200, "GET", "/v1/topics", "").get("topics").([]any)), 0)
}

// follow reads n events of a tail.
func follow(s *site, query, last string, n int) (ids []string) {
	s.t.Helper()
	r, err := http.NewRequest("GET", s.url+"/v1/topics/pay/tail"+query, nil)
	must(s.t, err)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(r)
	must(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	s.want("type", resp.Header.Get("Content-Type"), "text/event-stream")
	lines := bufio.NewScanner(resp.Body)
	for len(ids) < n && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var o object
			must(s.t, json.Unmarshal([]byte(data), &o))
			s.want("id in data", o.get("id"), ids[len(ids)-1])
		}
	}
	return ids
}

func TestTail(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	s.do(201, "POST", "/v1/topics/pay/events", `[{"payload":1},{"payload":"a\nb"},{"payload":3}]`)
	s.want("from the start", follow(s, "?after=0", "", 3), "[1 2 3]")
	s.want("resumed", follow(s, "?after=0", "2", 1), "[3]")
	live := make(chan []string)
	go func() { live <- follow(s, "?after=3", "", 2) }()
	s.do(201, "POST", "/v1/topics/pay/events", `{"payload":4}`)
	s.do(201, "POST", "/v1/topics/pay/events", `{"payload":5}`)
	s.want("live", <-live, "[4 5]")
	s.do(400, "GET", "/v1/topics/pay/tail", "", "Last-Event-ID", "x")
}

// Run ends soon after its context, although claims and tails wait, and takes no request's work away.
func TestGracefulShutdown(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	s.do(201, "POST", "/v1/consumers", `{"consumer":"c","topic":"pay"}`)
	ended := make(chan string, 2)
	go func() {
		resp, err := s.send("POST", "/v1/consumers/c/claim?wait=50s", "")
		if err != nil {
			ended <- err.Error()
			return
		}
		defer func() { _ = resp.Body.Close() }()
		var o struct{ Events []any }
		err = json.NewDecoder(resp.Body).Decode(&o)
		ended <- fmt.Sprintf("%d events, status %d, error %v", len(o.Events), resp.StatusCode, err)
	}()
	resp, err := http.Get(s.url + "/v1/topics/pay/tail")
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // the tail has begun
	go func() {
		for lines.Scan() {
		}
		ended <- "0 events, status 200, error <nil>"
	}()
	for !strings.Contains(s.do(200, "GET", "/metrics", "")["text"].(string), "howdah_claim_duration_seconds_count 1") {
		time.Sleep(time.Millisecond) // until the claim has looked and waits
	}
	began := time.Now()
	must(t, s.stop())
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("stopping took %s", d)
	}
	for range 2 {
		s.want("a waiting request", <-ended, "0 events, status 200, error <nil>")
	}
	if _, err := http.Get(s.url + "/healthz"); err == nil {
		t.Error("a stopped server answers")
	}
}

func TestMetrics(t *testing.T) {
	s := start(t, fresh(t), nil)
	s.do(201, "POST", "/v1/topics", `{"topic":"pay"}`)
	s.do(201, "POST", "/v1/consumers", `{"consumer":"c","topic":"pay","max_attempts":1}`)
	s.do(201, "POST", "/v1/topics/pay/events", `[{"payload":1},{"payload":2},{"payload":3},{"payload":4}]`)
	k := s.do(200, "POST", "/v1/consumers/c/claim?batch=2", "")["claim_id"].(string)
	s.do(200, "POST", "/v1/claims/"+k+"/nack", `{"ids":[1]}`)
	s.do(200, "POST", "/v1/claims/"+k+"/ack", `{"ids":[2]}`)
	s.do(200, "POST", "/v1/consumers/c/claim?batch=1", "")
	m := s.do(200, "GET", "/metrics", "")["text"].(string)
	for _, want := range []string{
		`howdah_up 1`, `howdah_topic_events_in_total{topic="pay"} 4`,
		`howdah_consumer_events_done{consumer="c",topic="pay"} 1`,
		`howdah_consumer_lag_events{consumer="c",topic="pay"} 2`,
		`howdah_consumer_lag_seconds{consumer="c",topic="pay"} `,
		`howdah_consumer_in_flight_events{consumer="c",topic="pay"} 1`,
		`howdah_consumer_open_claims{consumer="c",topic="pay"} 1`,
		`howdah_consumer_retry_events{consumer="c",topic="pay"} 0`,
		`howdah_consumer_dead_letters{consumer="c",topic="pay"} 1`,
		`howdah_claim_duration_seconds_count 2`, `howdah_ack_duration_seconds_count 1`, `howdah_pool_max_connections 16`,
	} {
		if !strings.Contains(m, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// The description names every route, and every reference in it leads somewhere.
func TestOpenAPI(t *testing.T) {
	s := start(t, fresh(t), nil)
	o := s.do(200, "GET", "/openapi.json", "")
	paths := o.get("paths").(map[string]any)
	for _, p := range []string{"/v1/topics", "/v1/topics/{topic}/events", "/v1/topics/{topic}/tail", "/v1/consumers/{consumer}/claim",
		"/v1/claims/{claim}/ack", "/v1/claims/{claim}/nack", "/v1/claims/{claim}/extend", "/v1/claims/{claim}/release",
		"/v1/consumers/{consumer}/seek", "/v1/consumers/{consumer}/replay", "/v1/consumers/{consumer}/redrive", "/healthz", "/metrics"} {
		if paths[p] == nil {
			t.Errorf("path %s is not described", p)
		}
	}
	schemas := o.get("components", "schemas").(map[string]any)
	var walk func(v any)
	refs := 0
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				refs++
				if schemas[strings.TrimPrefix(ref, "#/components/schemas/")] == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(map[string]any(o))
	if refs < 20 {
		t.Errorf("%d references: the description is not made from the types", refs)
	}
	if o.get("components", "schemas", "ErrorModel", "properties", "hint") == nil {
		t.Error("the hint of errors is not described")
	}
}
