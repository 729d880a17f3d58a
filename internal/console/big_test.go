package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah"
)

// fillBig makes a topic with many events, 50 consumers in all states, and many dead letters.
func fillBig(t *testing.T, s *site, events, dead int) {
	t.Helper()
	ctx := t.Context()
	_, err := s.db.CreateTopic(ctx, "payments")
	must(t, err)
	exec := func(sql string, args ...any) {
		t.Helper()
		_, err := s.db.Pool().Exec(ctx, sql, args...)
		must(t, err)
	}
	exec("alter table events.payments disable trigger howdah_guard") // it refuses times of arrival that are made up
	exec(`insert into events.payments (key, payload, received_at) select 'c' || i % 5000, json_build_object('amount_cents', i % 100000, 'currency', 'EUR', 'merchant', 'm' || i % 2000),
		now() - ($1::int - i) * interval '10 ms' from generate_series(1, $1::int) i`, events)
	exec("alter table events.payments enable always trigger howdah_guard")
	for i := range 50 {
		name := fmt.Sprintf("consumer%02d", i)
		start := []string{"earliest", "latest", strconv.Itoa(events / 2)}[i%3]
		_, err := s.db.CreateConsumer(ctx, name, "payments", howdah.From(start))
		must(t, err)
		if start != "latest" {
			_, err = s.db.Consumer(name).Claim(ctx, 100)
			must(t, err)
		}
	}
	// What years of work leave: finished claims, as many as are kept; dead letters, in one consumer most of all.
	exec(`insert into howdah.claims (claim_id, consumer, lane, first_id, last_id, held, attempts, lease_until, ended_at, outcome, head, stable, open, floor_at, floor_seq)
		select nextval('howdah.claim_number') << 20, c.number, 0, 5 * i - 4, 5 * i, 5, 0, now(), now(), 'acked', $2::int + 1, $2::int, '{}', '-infinity', 0
		from howdah.consumer c, generate_series(1, $1::int) i where c.name in ('consumer01', 'consumer04')`, min(20000, events/50), events)
	exec(`insert into howdah.dead select c.number, i, 0, 5, 'no such account: ' || i, now() from howdah.consumer c, generate_series(1, $1::int) i
		where c.name = 'consumer01' or c.name = 'consumer04' and i <= $1 / 10`, dead)
	_, err = s.db.CreateCollection(ctx, "customers")
	must(t, err)
	exec(`insert into docs.customers (key, doc) select 'c' || i, json_build_object('city', 'Madison', 'tier', i % 5) from generate_series(1, $1::int) i`, events/10)
	exec(`update docs.customers set doc = doc || '{"tier": 9}' where key like 'c1%'`)
	_, err = s.db.CreateBucket(ctx, "models")
	must(t, err)
	exec(`select howdah.put_object('models', 'fraud/' || i || '/model.json', '{}') from generate_series(1, $1::int) i`, events/100)
	exec("analyze howdah.dead")
	exec("vacuum analyze events.payments")
}

// A million events (in the long version), 50 consumers and 100,000 dead letters: every page comes at once, and a page that is open takes less
// than a hundredth of a core from the database.
func TestBigDatabase(t *testing.T) {
	events, dead, watch := 100_000, 20_000, 4*time.Second
	long := os.Getenv("HOWDAH_LONG") == "1" // how fast it is depends on the machine: the short version only prints it
	if long {
		events, dead, watch = 1_000_000, 100_000, 20*time.Second // the clock ticks every 10 ms
	}
	s := serve(t, nil)
	fillBig(t, s, events, dead)
	get := func(path string) time.Duration {
		t.Helper()
		began := time.Now()
		resp, err := http.Get(s.url + path)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, err)
		if resp.StatusCode != 200 {
			t.Errorf("%s: %s", path, resp.Status)
		}
		return time.Since(began)
	}
	middle := strconv.Itoa(events / 2)
	for _, path := range []string{"/", "/topics/payments", "/topics/payments?id=" + middle, "/topics/payments?key=nobody", "/topics/payments?contains=%7B%22no%22%3A1%7D",
		"/topics/payments?since=30m&before=10m", "/topics/payments/events/" + middle, "/topics/payments/events/7", "/consumers/consumer00", "/consumers/consumer01",
		"/consumers/consumer01?before=50000", "/consumers/consumer01/redrive", "/consumers/consumer00/seek?target=earliest", "/problems",
		"/documents", "/documents/customers", "/documents/customers?prefix=c9", "/documents/customers/document?key=c17", "/objects", "/objects/models?prefix=fraud%2F"} {
		first, then := get(path), get(path)
		t.Logf("%-55s %4d ms, again %4d ms", path, first.Milliseconds(), then.Milliseconds())
		if long && min(first, then) > 300*time.Millisecond {
			t.Errorf("%s takes %s", path, min(first, then))
		}
	}

	if runtime.GOOS != "linux" {
		return // where processes are not in /proc
	}
	// No page, one that is open, then five: the looks are shared. What the server does without a page (upkeep, a look now and then) is not theirs.
	idle := 0.0
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, v := range []struct {
		pages []string
		most  float64
	}{{nil, 1}, {[]string{"/live/"}, 0.01}, {[]string{"/live/", "/live/topics/payments", "/live/consumers/consumer01", "/live/consumers/consumer01"}, 0.02}} {
		for _, path := range v.pages {
			r, err := http.NewRequestWithContext(ctx, "GET", s.url+path, nil)
			must(t, err)
			resp, err := http.DefaultClient.Do(r)
			must(t, err)
			defer func() { _ = resp.Body.Close() }()
			go func() { _, _ = io.Copy(io.Discard, resp.Body) }()
		}
		time.Sleep(3 * time.Second) // until plans are made and the sampler knows what it costs
		began, before := time.Now(), s.backendCPU(t)
		time.Sleep(watch)
		used := s.backendCPU(t) - before
		share := used.Seconds() / time.Since(began).Seconds()
		if v.pages == nil {
			idle = share
		}
		t.Logf("with %d pages opened the database takes %.2f%% of a core", len(v.pages), 100*share)
		if long && share-idle > v.most {
			t.Errorf("%d pages opened cost the database %.2f%% of a core", len(v.pages), 100*(share-idle))
		}
	}
}

// backendCPU is the time that the connections of the page's server have computed.
func (s *site) backendCPU(t *testing.T) (sum time.Duration) {
	t.Helper()
	rows, err := s.db.Pool().Query(t.Context(), "select pid from pg_stat_activity where datname = current_database() and application_name = 'howdah'")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var pid int
		must(t, rows.Scan(&pid))
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		must(t, err)
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		for _, i := range []int{11, 12} { // user and system time, in ticks of 10 ms
			n, _ := strconv.Atoi(f[i])
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	must(t, rows.Err())
	return sum
}
