package payments

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/howdah/howdah/lab/sim"
)

// label is the payload of a label event.
type label struct {
	LabelID       string    `json:"label_id"`
	TransactionID string    `json:"transaction_id"`
	IsFraud       bool      `json:"is_fraud"`
	Source        string    `json:"source"`
	ReportedAt    time.Time `json:"reported_at"`
	Supersedes    string    `json:"supersedes"`
	event         sim.Event
}

func readLabel(t *testing.T, e sim.Event) label {
	t.Helper()
	l := label{event: e}
	if err := json.Unmarshal(e.Payload, &l); err != nil {
		t.Fatalf("%v in %s", err, e.Payload)
	}
	return l
}

// Labels come for the frauds that the oracle announces, when it says, and false ones are corrected.
func TestLabelsAreWhatTheOracleAnnounces(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, func(c *Config) {
		small(c)
		c.Labels.FalseReports = 0.01
	})
	const days, safe = 130, 70 // payments of the first 70 days are fully labelled by day 130
	announced, corrected := map[string]time.Time{}, map[string]time.Time{}
	payments, frauds, unreported := 0, 0, 0
	first, second := map[string]label{}, map[string]label{}
	for day := range days {
		truths, err := w.Oracle(day)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range mustDay(t, w, day) {
			switch e.Type {
			case "payment.authorized":
				fact := truths[i].Fact.(PaymentTruth)
				if e.Copy > 0 || sim.DayOf(w.cfg.Epoch, fact.OccurredAt) >= safe {
					continue
				}
				payments++
				if fact.IsFraud {
					frauds++
				}
				if fact.ReportedAt != nil {
					announced[fact.TransactionID] = *fact.ReportedAt
					if fact.CorrectedAt != nil {
						corrected[fact.TransactionID] = *fact.CorrectedAt
					}
				} else if fact.IsFraud {
					unreported++
				}
			case "label.reported":
				l := readLabel(t, e)
				if _, twice := first[l.TransactionID]; twice || !l.IsFraud || l.TransactionID != e.Key || !l.ReportedAt.Equal(e.OccurredAt) {
					t.Fatalf("label %s", e.Payload)
				}
				first[l.TransactionID] = l
			case "label.corrected":
				l := readLabel(t, e)
				old := first[l.TransactionID]
				if l.IsFraud || l.Supersedes == "" || l.Supersedes != old.LabelID || !e.ArrivesAt.After(old.event.ArrivesAt) {
					t.Fatalf("correction %s of %s", e.Payload, old.event.Payload)
				}
				if gap := l.ReportedAt.Sub(old.ReportedAt); gap < 7*24*time.Hour || gap > 20*24*time.Hour {
					t.Fatalf("corrected after %v", gap)
				}
				second[l.TransactionID] = l
			}
		}
	}
	got, gotCorrected := map[string]time.Time{}, map[string]time.Time{}
	for id := range announced {
		if l, ok := first[id]; ok {
			got[id] = l.ReportedAt
		}
		if l, ok := second[id]; ok {
			gotCorrected[id] = l.ReportedAt
		}
	}
	if !maps.EqualFunc(got, announced, time.Time.Equal) || !maps.EqualFunc(gotCorrected, corrected, time.Time.Equal) {
		t.Errorf("%d labels and %d corrections came, announced were %d and %d", len(got), len(gotCorrected), len(announced), len(corrected))
	}
	if payments < 10_000 || frauds < 100 || len(corrected) < 50 || unreported == 0 {
		t.Errorf("too little to judge: %d payments, %d frauds, %d unreported, %d corrected", payments, frauds, unreported, len(corrected))
	}
}

// In an outage no label comes in; then all of them at once. What is reported when does not change.
func TestALabelOutageHoldsLabelsBack(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, small)
	calm := newWorldWith(t, seed, func(c *Config) { small(c); c.Timetable = c.Timetable[1:] })
	labels := func(w *World, day int) (n int, last time.Duration) {
		for _, e := range mustDay(t, w, day) {
			if e.Stream == streamLabels {
				n, last = n+1, e.ArrivesAt.Sub(sim.DayStart(w.cfg.Epoch, day))
			}
		}
		return n, last
	}
	held := 0
	for day := 67; day < 72; day++ {
		if n, _ := labels(w, day); n != 0 {
			t.Errorf("%d labels on day %d, in the outage", n, day)
		}
		n, _ := labels(calm, day)
		held += n
	}
	truths, err := w.Oracle(72)
	if err != nil {
		t.Fatal(err)
	}
	var tally sim.Tally
	tally.Add(truths)
	calmDay, _ := labels(calm, 72)
	if n, _ := labels(w, 72); n != held+calmDay || tally.Faults[LabelOutage] != held || held == 0 {
		t.Errorf("%d labels on day 72, %d of them held back; want %d, %d", n, tally.Faults[LabelOutage], held+calmDay, held)
	}
	for day := 66; day < 100; day++ {
		if day != 72 && day >= 72 && sim.Hash(mustDay(t, w, day)) != sim.Hash(mustDay(t, calm, day)) {
			t.Errorf("the outage changed day %d", day)
		}
	}
}

func TestTheInvestigatorTellsTheTruthLater(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, small)
	truths, err := w.Oracle(30)
	if err != nil {
		t.Fatal(err)
	}
	var checks []Check
	var facts []PaymentTruth
	for _, truth := range truths {
		if fact, ok := truth.Fact.(PaymentTruth); ok && truth.Copy == 0 && (fact.IsFraud || len(checks) < 10) {
			checks = append(checks, Check{fact.TransactionID, fact.OccurredAt})
			facts = append(facts, fact)
		}
	}
	at := sim.DayStart(w.cfg.Epoch, 31)
	events, err := w.Investigate(at, checks)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		l := readLabel(t, e)
		after := e.ArrivesAt.Sub(at)
		if l.IsFraud != facts[i].IsFraud || l.TransactionID != facts[i].TransactionID || l.Source != "investigation" ||
			after < 4*time.Hour || after > 24*time.Hour {
			t.Errorf("after %v: %s; the truth is %+v", after, e.Payload, facts[i])
		}
	}
	if again, _ := w.Investigate(at, checks); sim.Hash(again) != sim.Hash(events) {
		t.Error("asked twice, the investigator writes other events")
	}
	if _, err := w.Investigate(at, []Check{{"nothing", at}}); err == nil {
		t.Error("an unknown payment is accepted")
	}
	if _, err := w.Investigate(at.Add(-48*time.Hour), checks); err == nil {
		t.Error("a payment of the future is accepted")
	}
}
