package schema_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Events that are produced and claimed while check looks are no news to it: it reads the sequence after the head.
func TestCheckUnderTraffic(t *testing.T) {
	url := newDatabase(t)
	conn, blocker, traffic := connect(t, url), connect(t, url), connect(t, url)
	must(t, conn, "select howdah.create_topic('things')")
	must(t, conn, "select howdah.create_consumer('worker', 'things')")
	for _, call := range []string{"howdah.check()", "howdah.problems()"} {
		must(t, blocker, "begin")
		must(t, blocker, "lock table howdah.dead in access exclusive mode") // where check stands before it reads the consumer's state
		found := make(chan error, 1)
		go func() {
			rows, err := conn.Query(context.Background(), "select problem from "+call)
			if err == nil {
				var problems []string
				if problems, err = pgx.CollectRows(rows, pgx.RowTo[string]); err == nil && len(problems) > 0 {
					err = fmt.Errorf("%s says %q", call, problems)
				}
			}
			found <- err
		}()
		waitUntil(t, traffic, "select exists (select from pg_locks where relation = 'howdah.dead'::regclass and not granted)")
		must(t, traffic, "insert into events.things (payload) select '{}' from generate_series(1, 10)")
		must(t, traffic, "select howdah.ack($1)", one[int64](t, traffic, "select max(claim_id) from howdah.claim('worker')"))
		must(t, blocker, "commit")
		if err := <-found; err != nil {
			t.Error(err)
		}
	}

	// The same by chance: a producer and a worker go on while both look.
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		var err error
		for err == nil && ctx.Err() == nil {
			var claim int64
			if _, err = traffic.Exec(context.Background(), "insert into events.things (payload) select '{}' from generate_series(1, 10)"); err == nil {
				err = traffic.QueryRow(context.Background(), "select max(claim_id) from howdah.claim('worker')").Scan(&claim)
			}
			if err == nil {
				_, err = traffic.Exec(context.Background(), "select howdah.ack($1)", claim)
			}
		}
		done <- err
	}()
	for range 200 {
		checkAll(t, conn)
		if p := one[string](t, conn, "select coalesce(string_agg(kind || ': ' || problem, '; '), '') from howdah.problems()"); p != "" {
			t.Error(p)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	must(t, conn, "select setval('events.things_id_seq', 1)")
	defer must(t, conn, "select setval('events.things_id_seq', 1000000000)")
	for _, call := range []string{"howdah.check()", "howdah.problems()"} {
		if p := one[string](t, conn, "select coalesce(string_agg(problem, '; '), '') from "+call); !strings.Contains(p, "last id drawn") {
			t.Errorf("%s does not see that the sequence went back: %q", call, p)
		}
	}
}

// A producer whose age is not known is a problem once an event that waits for it is old, and not before.
func TestProducersOfUnknownAge(t *testing.T) {
	url := newDatabase(t)
	admin, app := connect(t, url), connect(t, url)
	must(t, admin, "select howdah.create_topic('things')")
	must(t, app, "begin")
	must(t, app, "insert into events.things (payload) values ('1')")
	// The tests' own role may see all sessions, so one that may not has to look.
	_, blind := as(t, url, "blind")
	for _, sql := range []string{
		"grant usage, create on schema howdah to " + blind, "grant select on howdah.topic, events.things_id_seq to " + blind,
		"grant execute on function howdah.last_drawn to " + blind, "alter function howdah.marks owner to " + blind,
	} {
		must(t, admin, sql)
	}
	t.Cleanup(func() { must(t, admin, "alter function howdah.marks owner to current_user") })
	if !one[bool](t, admin, "select since is null from howdah.open_producers") {
		t.Fatal("its age is known")
	}
	must(t, admin, "insert into events.things (payload) values ('2')")
	const problems = "select coalesce(string_agg(kind || ' ' || level || ' ' || problem, '; '), '') from howdah.problems()"
	if p := one[string](t, admin, problems); p != "" {
		t.Errorf("young: %s", p)
	}
	for age, want := range map[string]string{"30 s": "producers warning ", "90 s": "producers error "} {
		must(t, admin, "update events.things set received_at = clock_timestamp() - $1::interval", age)
		if p := one[string](t, admin, problems); !strings.HasPrefix(p, want) || !strings.Contains(p, " has written and not committed for "+age[:1]) || !strings.Contains(p, " s or longer:") {
			t.Errorf("%s: %s", age, p)
		}
	}
}

// Where events have no time of arrival, the consumer's last claim tells whether it has a worker.
func TestNoWorkerWithoutTimes(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, sql := range []string{
		"create table public.raw (id serial primary key, at timestamp not null default now(), data json)",
		"select howdah.adopt_topic('raw', 'public.raw', 'id', 'data', 'at')", "select howdah.create_consumer('worker', 'raw')",
		"insert into public.raw (data) select '{}' from generate_series(1, 10)",
	} {
		must(t, conn, sql)
	}
	const problems = "select coalesce(string_agg(name || ': ' || problem, '; '), '') from howdah.problems()"
	earlier := func(what string) {
		t.Helper()
		must(t, conn, "update howdah.claims set "+what+" = "+what+" - interval '2 min'")
	}
	says := func(when, want string) {
		t.Helper()
		if p := one[string](t, conn, problems); (p == "") != (want == "") || !strings.Contains(p, want) {
			t.Errorf("%s: it says %q, not %q", when, p, want)
		}
	}
	says("a new consumer", "")
	earlier("claimed_at")
	says("nobody has claimed", "worker: 10 events wait, nothing was claimed or finished for 12")
	says("nobody has claimed", "and no claim is open: no worker runs")
	claim := one[int64](t, conn, "select max(claim_id) from howdah.claim('worker', 5)")
	earlier("claimed_at")
	says("in flight", "")
	must(t, conn, "select howdah.ack($1)", claim)
	says("just acked", "")
	earlier("ended_at")
	says("acked long ago", "worker: 5 events wait, nothing was claimed or finished for 12")
	must(t, conn, "select howdah.nack($1, null, 'no', '1 hour')", one[int64](t, conn, "select max(claim_id) from howdah.claim('worker', 5)"))
	says("just nacked", "")
	earlier("claimed_at")
	earlier("ended_at")
	says("nacked long ago", "worker: 5 events wait to be delivered again, nothing was claimed or finished for 12")
	must(t, conn, "select howdah.pause('worker')")
	says("paused", "worker: paused, with 5 events waiting")
}

// A replay of more than there is queues what there is, and counts it.
func TestReplayCountsEvents(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, sql := range []string{
		"select howdah.create_topic('things')", "select howdah.create_topic('parts', 4)",
		"select howdah.create_consumer('plain', 'things')", "select howdah.create_consumer('strict', 'parts', ordered => true)",
		"select setval('events.things_id_seq', 500)", "insert into events.things (payload) select '{}' from generate_series(1, 10)",
		"begin", "insert into events.things (payload) select '{}' from generate_series(1, 100)", "rollback",
		"insert into events.things (payload) select '{}' from generate_series(1, 10)",
		"insert into events.parts (key, payload) select i::text, '{}' from generate_series(1, 20) i",
		"select howdah.seek('plain', 'latest')", "select howdah.seek('strict', 'latest')",
	} {
		must(t, conn, sql)
	}
	for _, consumer := range []string{"plain", "strict"} {
		lag := func() int {
			return one[int](t, conn, "select lag::int from howdah.consumers where consumer = $1", consumer)
		}
		must(t, conn, "select howdah.replay($1, 1, 9223372036854775807)", consumer)
		if n := lag(); n != 20 {
			t.Errorf("%s: the lag is %d, not 20", consumer, n)
		}
		claimed := 0
		for {
			var n int
			var claim *int64
			if err := conn.QueryRow(t.Context(), "select count(*), max(claim_id) from howdah.claim($1)", consumer).Scan(&n, &claim); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			claimed += n
			must(t, conn, "select howdah.ack($1)", *claim)
		}
		if n := lag(); n != 0 || claimed != 20 {
			t.Errorf("%s: %d claimed, and the lag is %d", consumer, claimed, n)
		}
		must(t, conn, "select howdah.replay($1, 1, 3)", consumer)
		if n, want := lag(), map[string]int{"plain": 0, "strict": 3}[consumer]; n != want {
			t.Errorf("%s: the lag is %d after a replay of ids 1 to 3, not %d", consumer, n, want)
		}
		must(t, conn, "select howdah.replay($1, 5000, 6000)", consumer)
	}
}

// A replay inside a segment that was closed before it was full counts its events, and not the ids that it left out.
func TestReplayInAClosedSegment(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, sql := range []string{
		"select howdah.create_topic('kept', 1, '1 day')", "select howdah.create_consumer('reader', 'kept')",
		"insert into events.kept (payload) select '{}' from generate_series(1, 3000)",
		"update howdah.segment set last_id = 3000 where first_id = 1", "select howdah.seek('reader', 'latest')", "select howdah.replay('reader', 1, 2000)",
	} {
		must(t, conn, sql)
	}
	if n := one[int](t, conn, "select pending::int from howdah.consumers"); n != 2000 {
		t.Errorf("%d events are pending, not 2000", n)
	}
}
