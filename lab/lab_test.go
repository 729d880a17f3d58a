package lab_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/fraud"
)

// small is a world of fewer customers and a shorter prehistory, in which a model can just be trained.
const small = `
prehistory_days = 47
[customers]
count = 350
[merchants]
count = 600
online = 30
[[timetable]]
incident = "label_outage"
from = 49
until = 50
[fraud.stolen_card]
per_day = 1.2
[investigator]
enabled = true
per_day = 5
`

// childURL makes the test binary a process that runs the small world, to be killed.
const childURL = "HOWDAH_LAB_TEST_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		if err := child(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	testdb.Main(m)
}

const smallDays = 51

// testLease is short, so that what a killed process held is soon taken over.
const testLease = 3 * time.Second

func child(url string) error {
	ctx := context.Background()
	db, err := howdah.Open(ctx, url, howdah.WithMaxConns(40))
	if err != nil {
		return err
	}
	defer db.Close()
	s, err := fraud.New([]byte(small), 11)
	if err != nil {
		return err
	}
	l, err := lab.Open(ctx, lab.Config{DB: db, Scenario: s, Settings: small, Batch: 1500, Lease: testLease, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		return err
	}
	return l.Run(ctx, lab.RunOptions{Until: smallDays, Fast: true})
}

func open(t testing.TB, url, config string, seed uint64) *lab.Lab {
	t.Helper()
	db, err := howdah.Open(t.Context(), url, howdah.WithMaxConns(40))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, err := fraud.New([]byte(config), seed)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Open(t.Context(), lab.Config{DB: db, Scenario: s, Settings: config, Lease: testLease, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// digests are hashes of what the pipelines made, without system times and latencies.
func digests(t testing.TB, l *lab.Lab) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, sql := range map[string]string{
		"facts":             "select event_id, fact_id, occurred_at, known_at, key1, key2, doc, converted from lab.facts",
		"quarantine":        "select event_id, known_at, rule, payload from lab.quarantine",
		"duplicates":        "select event_id, known_at from lab.duplicates",
		"labels":            "select label_id, fact_id, value, reported_at, known_at from lab.labels",
		"investigations":    "select * from lab.investigations",
		"profiles":          "select collection, key, valid_from, known_at, doc from lab.profiles",
		"features":          "select * from lab.features",
		"predictions":       "select prediction_id, fact_id, model, version, role, acted, score, threshold, decision, occurred_at, known_at from lab.predictions",
		"datasets":          "select dataset, as_of, sha256, rows, positives from lab.datasets",
		"versions":          "select model, version, dataset, created_at, triggers, metrics, threshold from lab.versions",
		"aliases":           "select model, alias, version, from_time, until_time, reason from lab.aliases",
		"evaluations":       "select model, version, labels, as_of, n, positives, auc, metrics - 'latency_us' from lab.evaluations",
		"drift":             "select * from lab.drift",
		"alerts":            "select name, subject, state, value, since, fired_at, resolved_at, detail from lab.alerts",
		"clean topic":       "select key, payload::text, event_time from events.payments_clean",
		"predictions topic": "select key, (payload::jsonb - 'latency_us')::text, event_time from events.predictions",
	} {
		var digest string
		err := l.DB().Pool().QueryRow(t.Context(), "select count(*) || ' ' || coalesce(md5(string_agg(line, e'\n' order by line collate \"C\")), '') from (select x::text as line from ("+sql+") x) y").Scan(&digest)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = digest
	}
	return out
}

func compare(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %s are %s, want %s", what, name, got[name], w)
		}
		if strings.HasPrefix(w, "0 ") && name != "alerts" {
			t.Errorf("%s: there are no %s", what, name)
		}
	}
}

// Processes that are killed again and again, at any moment, make exactly what one makes that is left alone: the same facts,
// features, datasets, models, predictions, evaluations and alerts, each once. And back-fills change nothing.
func TestKillsAndBackfillsChangeNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a small world twice")
	}
	url := private(t)
	calm := open(t, testdb.New(t), small, 11)
	began := time.Now()
	if err := calm.Run(t.Context(), lab.RunOptions{Until: smallDays, Fast: true}); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	want := digests(t, calm)
	checkOracle(t, calm)
	checkFeatures(t, calm)
	checkParity(t, calm)

	kills := killAgainAndAgain(t, url, done(t, calm))
	t.Logf("undisturbed %v, then killed %d times", took, kills)
	if kills < 3 {
		t.Errorf("only %d kills", kills)
	}
	torn := open(t, url, small, 11)
	compare(t, "after kills", digests(t, torn), want)
	if problems, err := torn.DB().Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("check: %v, %v", problems, err)
	}

	for _, name := range []string{"lab_clean", "lab_labels", "lab_dims_merchants", "lab_features", "lab_score", "lab_evaluate"} {
		if err := torn.DB().Consumer(name).Seek(t.Context(), "earliest"); err != nil {
			t.Fatal(err)
		}
	}
	idle(t, torn)
	compare(t, "after back-fills", digests(t, torn), want)
}

// done is how many events the pipelines of a lab have done.
func done(t testing.TB, l *lab.Lab) (n int64) {
	t.Helper()
	if err := l.DB().Pool().QueryRow(t.Context(), "select coalesce(sum(events), 0)::bigint from lab.progress").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// private is a database on a PostgreSQL of its own, to crash.
func private(t testing.TB) string {
	t.Helper()
	url := testdb.Private(t).URL()
	db, err := howdah.Open(t.Context(), url, howdah.WithMigrate())
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	return url
}

// crash ends PostgreSQL as a loss of power would, but for the disk's caches: the postmaster starts it again from what has
// been written. What pipelines committed without waiting for the disk may be gone.
func crash(t testing.TB, l *lab.Lab) {
	t.Helper()
	victim, err := pgx.Connect(t.Context(), l.DB().Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	witness, err := l.DB().Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer witness.Release()
	if err := syscall.Kill(int(victim.PgConn().PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return witness.Ping(t.Context()) != nil }) // all connections go
	until(t, func() bool { return l.DB().Pool().Ping(t.Context()) == nil })
}

// killAgainAndAgain lets processes play the small world and kills each when so much more has been done, at random; how
// fast the machine is does not matter. Every other time PostgreSQL goes with it. The last process is left alone.
func killAgainAndAgain(t testing.TB, url string, all int64) (kills int) {
	t.Helper()
	const parts = 6
	seed := uint64(time.Now().UnixNano())
	t.Logf("kills by seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	watched := open(t, url, small, 11)
	for part := range int64(parts + 1) {
		limit := all*part/parts + dice.Int64N(all/parts)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childURL+"="+url)
		cmd.Stderr = t.Output()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		for killed := false; !killed; {
			select {
			case err := <-ended:
				if err != nil {
					t.Fatalf("the process failed by itself: %v", err)
				}
				return kills
			case <-time.After(5 * time.Millisecond):
			}
			if part < parts && done(t, watched) >= limit {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				<-ended
				if kills++; kills%2 == 0 {
					crash(t, watched)
				}
				killed = true
			}
		}
	}
	return kills
}

// idle runs the pipelines until all of them have nothing left to do.
func idle(t testing.TB, l *lab.Lab) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- l.Work(ctx) }()
	for busy := true; busy; {
		infos, err := l.DB().Consumers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		busy = false
		for _, c := range infos {
			busy = busy || c.Lag > 0
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the pipelines do not come to rest: %+v", infos)
		case <-time.After(50 * time.Millisecond):
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// What the pipelines counted is what the oracle says.
func checkOracle(t testing.TB, l *lab.Lab) {
	t.Helper()
	r, err := l.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Oracle) < 5 {
		t.Errorf("the oracle says only %v", r.Oracle)
	}
	for _, line := range r.Oracle {
		if !line.Equal {
			t.Errorf("%s: %d, the oracle says %d", line.What, line.Got, line.Want)
		}
	}
}

// The features that the pipeline wrote, fact by fact and batch by batch, are those that one gets with all events in memory.
func checkFeatures(t testing.TB, l *lab.Lab) {
	t.Helper()
	s, view := l.Scenario(), l.Scenario().View()
	index := s.NewIndex()
	facts, merchants, seen := map[string]lab.Fact{}, map[string]bool{}, map[[16]byte]bool{}
	for day := range smallDays {
		events, err := s.World().Day(day)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			switch e.Stream {
			case "payments":
				c, err := s.Clean(e.Payload, e.ArrivesAt)
				if err == nil && !seen[e.ID] && merchants[c.Fact.Key2] {
					facts[c.Fact.ID] = c.Fact
					err = index.AddFact(&c.Fact)
					if err != nil {
						t.Fatal(err)
					}
				}
				seen[e.ID] = true
			case "labels":
				x, err := s.Label(e.Payload, e.ArrivesAt)
				if err != nil {
					t.Fatal(err)
				}
				index.AddLabel(&x)
			default:
				p, err := s.Profile(e.Stream, e.Payload, e.ArrivesAt)
				if err != nil {
					t.Fatal(err)
				}
				merchants[p.Key] = true
				if err := index.AddProfile(e.Stream, &p); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	rows, err := l.DB().Pool().Query(t.Context(), "select fact_id, numbers, categories from lab.features where view = $1", view.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id string
		var row struct {
			numbers    []float64
			categories []string
		}
		if err := rows.Scan(&id, &row.numbers, &row.categories); err != nil {
			t.Fatal(err)
		}
		f, ok := facts[id]
		if !ok {
			t.Fatalf("features of %s, which is no fact", id)
		}
		want, err := index.Compute(&f)
		if err != nil {
			t.Fatal(err)
		}
		have := want
		have.Numbers, have.Categories = row.numbers, row.categories
		if i := want.Difference(have); i >= 0 {
			t.Fatalf("features of %s differ at %d: %v, want %v", id, i, have, want)
		}
		n++
	}
	if rows.Err() != nil || n != len(facts) {
		t.Errorf("features of %d facts, want %d (%v)", n, len(facts), rows.Err())
	}
}

// The features that predictions were logged with are those that serving computes by key.
func checkParity(t testing.TB, l *lab.Lab) {
	t.Helper()
	events, err := l.DB().Topic("predictions").Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) < 1000 {
		t.Fatalf("only %d predictions", len(events))
	}
	differ, err := l.Parity(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differ {
		t.Errorf("parity: %s", d)
	}
}
