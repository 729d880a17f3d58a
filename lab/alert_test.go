package lab_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/fraud"
)

// impatient is the scenario with a lag that a test can wait for.
type impatient struct{ *fraud.Scenario }

func (s impatient) Policy() lab.Policy {
	p := s.Scenario.Policy()
	p.Machine.Lag = 100 * time.Millisecond
	return p
}

func openImpatient(t *testing.T) *lab.Lab {
	t.Helper()
	db, err := howdah.Open(t.Context(), testdb.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s, err := fraud.New([]byte(tiny), 11)
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Open(t.Context(), lab.Config{DB: db, Scenario: impatient{s}, Settings: tiny})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// states are the states of an alert, in order, as the table has it; and those that were announced.
func states(t *testing.T, l *lab.Lab, name string) (stored, announced string) {
	t.Helper()
	err := l.DB().Pool().QueryRow(t.Context(), "select coalesce(string_agg(state, ' ' order by since), '') from lab.alerts where name = $1", name).Scan(&stored)
	if err != nil {
		t.Fatal(err)
	}
	events, err := l.DB().Topic("alerts").Read(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		var a struct{ Name, Subject, State string }
		if err := json.Unmarshal(e.Payload, &a); err != nil {
			t.Fatal(err)
		}
		if a.Name == name {
			announced += a.State + " "
		}
	}
	return stored, announced
}

func must(t *testing.T, l *lab.Lab, sql string, args ...any) {
	t.Helper()
	if _, err := l.DB().Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// A consumer that stays behind is pending, then fires, and is resolved when it has caught up; twice, although scenario
// time stands still.
func TestLagAlert(t *testing.T) {
	l := openImpatient(t)
	ctx, at := t.Context(), l.Info().GoLive
	look := func(until string) {
		t.Helper()
		for stored := ""; stored != until; {
			if err := l.LookAtMachine(ctx, at); err != nil {
				t.Fatal(err)
			}
			var announced string
			if stored, announced = states(t, l, "lag"); ctx.Err() != nil {
				t.Fatalf("alerts %q, announced %q; want %q", stored, announced, until)
			}
		}
	}
	behind := func() {
		t.Helper()
		if _, err := l.DB().Topic("payments").Publish(ctx, howdah.Event{Payload: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	catchUp := func() {
		t.Helper()
		if err := l.DB().Consumer("lab_clean").Seek(ctx, "latest"); err != nil {
			t.Fatal(err)
		}
	}
	look("")
	behind()
	look("pending")
	look("firing")
	open, err := l.Alerts(ctx, true)
	if err != nil || len(open) != 1 || open[0].Subject != "lab_clean" || open[0].Value == nil || *open[0].Value < 0.1 {
		t.Errorf("open alerts %+v, %v", open, err)
	}
	catchUp()
	look("resolved")
	behind()
	look("resolved pending")
	catchUp()
	look("resolved") // it was nothing
	if _, announced := states(t, l, "lag"); announced != "firing resolved " {
		t.Errorf("announced: %q", announced)
	}
}

func TestLatencyAlert(t *testing.T) {
	l := openImpatient(t)
	at := l.Info().GoLive
	answers := func(n, us int) {
		must(t, l, `insert into lab.predictions (prediction_id, fact_id, model, version, role, acted, score, threshold, decision, occurred_at, known_at, latency_us, served)
			select gen_random_uuid()::text, 'T', 'fraud', 1, 'champion', true, 0, 1, false, $1, $1, $3, true from generate_series(1, $2)`, at, n, us)
	}
	for i, step := range []struct {
		do   func()
		want string
	}{
		{func() { answers(19, 50_000) }, ""}, // too few to say
		{func() { answers(1, 50_000) }, "pending"},
		{func() { must(t, l, "update lab.alerts set system_since = system_since - interval '29 s'") }, "pending"},
		{func() { must(t, l, "update lab.alerts set system_since = system_since - interval '2 s'") }, "firing"},
		{func() { answers(10_000, 900) }, "resolved"},
	} {
		step.do()
		if err := l.LookAtMachine(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if stored, _ := states(t, l, "latency"); stored != step.want {
			t.Errorf("step %d: alerts %q, want %q", i, stored, step.want)
		}
	}
}

// An outage of labels shows in what is known about the last week, compared with weeks that were as fresh; and ends when
// the labels come at last.
func TestLabelCoverageAlert(t *testing.T) {
	l := openImpatient(t)
	day := 24 * time.Hour
	start := l.Info().Epoch
	outage := start.Add(40 * day)
	// Ten frauds a day, reported a day later; from the outage on not.
	must(t, l, `insert into lab.facts (event_id, fact_id, occurred_at, known_at, doc, converted, source_id)
		select gen_random_uuid(), 'T' || n, at, at, '{}', false, n from generate_series(1, 600) n, lateral (select $1::timestamptz + n * interval '144 min' as at) x`, start)
	must(t, l, `insert into lab.labels (label_id, fact_id, value, source, reported_at, known_at, source_id)
		select 'L' || fact_id, fact_id, 1, 'chargeback', at, at, source_id from lab.facts, lateral (select occurred_at + interval '1 day' as at) x where at < $1`, outage)
	look := func(at time.Time, want string) {
		t.Helper()
		if err := l.LookAtCoverage(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if stored, _ := states(t, l, "label_coverage"); stored != want {
			t.Errorf("on day %v alerts are %q, want %q", at.Sub(start)/day, stored, want)
		}
	}
	look(outage, "")
	look(outage.Add(1*day), "") // ten of sixty are missing
	look(outage.Add(4*day), "pending")
	look(outage.Add(5*day), "firing")
	must(t, l, `insert into lab.labels (label_id, fact_id, value, source, reported_at, known_at, source_id)
		select 'L' || fact_id, fact_id, 1, 'chargeback', $1, $1, source_id from lab.facts on conflict do nothing`, outage.Add(5*day))
	look(outage.Add(6*day), "resolved")
	if _, announced := states(t, l, "label_coverage"); announced != "firing resolved " {
		t.Errorf("announced: %q", announced)
	}
}
