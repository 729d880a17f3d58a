package lab_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/model"
	"github.com/howdah/howdah/lab/sim"
)

// sales is a scenario of another kind: its target is an amount, which stands in the fact itself, and nothing else comes.
// On day 12 all prices double.
type sales struct{}

const (
	salesADay  = 60
	salesLive  = 8
	salesDrift = 12
)

var salesEpoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

type sale struct {
	ID    string    `json:"id"`
	House string    `json:"house"`
	Size  float64   `json:"size"`
	Zone  string    `json:"zone"`
	Price float64   `json:"price"`
	At    time.Time `json:"at"`
}

func (sales) World() sim.World { return sales{} }

func (sales) Info() sim.Info {
	return sim.Info{Scenario: "sales", Version: 1, Seed: 1, Epoch: salesEpoch, GoLive: sim.DayStart(salesEpoch, salesLive), End: sim.DayStart(salesEpoch, 100), Speed: 720,
		Streams: []sim.StreamInfo{{Name: "sold", Key: "house"}}}
}

func (sales) Day(day int) (events []sim.Event, err error) {
	for i := range salesADay {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", day, i))
		x := func(k int) float64 { return float64(binary.BigEndian.Uint32(sum[4*k:])) / (1 << 32) }
		s := sale{ID: fmt.Sprintf("S%d-%d", day, i), House: fmt.Sprintf("H%d", i), Size: 50 + 150*x(4), Zone: []string{"north", "south"}[int(2*x(5))],
			At: sim.DayStart(salesEpoch, day).Add(time.Duration(i) * 24 * time.Minute)}
		s.Price = 1000 * s.Size * (0.95 + 0.1*x(6))
		if s.Zone == "south" {
			s.Price += 50_000
		}
		if day >= salesDrift {
			s.Price *= 2
		}
		payload, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		events = append(events, sim.Event{ID: [16]byte(sum[:16]), Stream: "sold", Type: "house.sold", SchemaVersion: 1, Key: s.House, OccurredAt: s.At,
			ArrivesAt: s.At.Add(time.Second), Payload: payload})
	}
	return events, nil
}

func (sales) Oracle(day int) ([]sim.Truth, error) {
	events, err := sales{}.Day(day)
	truths := make([]sim.Truth, len(events))
	for i, e := range events {
		truths[i] = sim.Truth{EventID: e.UUID(), Stream: e.Stream, Type: e.Type, ArrivesAt: e.ArrivesAt, Outcome: sim.Accepted}
	}
	return truths, err
}

func (sales) Shape() lab.Shape {
	return lab.Shape{Name: "sales", Facts: "sold", Model: "price", Window: time.Hour, Target: lab.Amount, Ranged: []string{"size"}, Rename: "zone", Scale: "price"}
}

func (sales) View() feature.View {
	return feature.View{Name: "sale", Version: 1, Columns: []feature.Column{{Name: "size", Kind: feature.Number}, {Name: "zone", Kind: feature.Category}}}
}

func (sales) Clean(payload []byte, known time.Time) (lab.Cleaned, error) {
	var s sale
	if err := json.Unmarshal(payload, &s); err != nil {
		return lab.Cleaned{}, err
	}
	return lab.Cleaned{Fact: lab.Fact{ID: s.ID, Key1: s.House, Key2: s.Zone, At: s.At, Known: known, Doc: payload},
		Label: &lab.Label{ID: s.ID, Fact: s.ID, Source: "sale", Value: s.Price, At: s.At, Known: known}}, nil
}

func (sales) Label([]byte, time.Time) (l lab.Label, err error) { return l, howdah.ErrInvalid }
func (sales) Profile(string, []byte, time.Time) (p lab.Profile, err error) {
	return p, howdah.ErrInvalid
}

func (s sales) Request(instance []byte, now time.Time) (lab.Fact, error) {
	c, err := s.Clean(instance, now)
	c.Fact.ID, c.Fact.At = "request", now
	return c.Fact, err
}

func (sales) NewIndex() lab.Index { return noHistory{} }

// noHistory computes features from the fact alone.
type noHistory struct{}

func (noHistory) AddFact(*lab.Fact) error               { return nil }
func (noHistory) AddLabel(*lab.Label)                   {}
func (noHistory) AddProfile(string, *lab.Profile) error { return nil }
func (noHistory) Forget(time.Time)                      {}
func (noHistory) Compute(f *lab.Fact) (feature.Row, error) {
	var s sale
	err := json.Unmarshal(f.Doc, &s)
	return feature.Row{Numbers: []float64{s.Size}, Categories: []string{s.Zone}}, err
}

func (sales) Policy() lab.Policy {
	day := 24 * time.Hour
	return lab.Policy{
		Specs:     []model.Spec{{Name: "mean", Kind: model.Linear, Features: []string{"zone"}}, {Name: "ridge", Kind: model.Linear, L2: 0.1}},
		TrainDays: 6, TestDays: 2, Horizon: day, AlertsDay: 1, Every: 100 * day, CoolDown: day, Trials: 1,
		Gate:    lab.Gate{MaxNullRate: 0.05, MaxScorePSI: 10, MaxP99: 50 * time.Millisecond},
		Promote: lab.Promotion{Shadow: 2 * day, MinPositives: 50, Samples: 200, MinPBetter: 0.90, GiveUp: 10 * day},
		Retrain: lab.Triggers{ErrorRise: 0.5, PSI: 0.25, PSIShare: 0.9, NewPositives: 1e6},
		Machine: lab.Machine{Lag: 10 * time.Second, Latency: 10 * time.Millisecond},
	}
}

// The lab's parts need no change for a scenario whose target is an amount: it trains, the drift shows as an error that has
// grown, the alert retrains, and the new version wins on the same facts and takes over.
func TestScenarioWithAnAmount(t *testing.T) {
	if testing.Short() {
		t.Skip("plays 24 days of a very small world")
	}
	db, err := howdah.Open(t.Context(), testdb.New(t), howdah.WithMaxConns(40))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	l, err := lab.Open(t.Context(), lab.Config{DB: db, Scenario: sales{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Run(t.Context(), lab.RunOptions{Until: 24, Fast: true}); err != nil {
		t.Fatal(err)
	}
	r, err := l.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Oracle {
		if !o.Equal {
			t.Errorf("%s: %d, the oracle says %d", o.What, o.Got, o.Want)
		}
	}
	if n := r.Labels["sale: yes"]; n != 24*salesADay {
		t.Errorf("%d sales have said their price, want %d", n, 24*salesADay)
	}
	if len(r.Datasets) == 0 || r.Datasets[0].Rows != 6*salesADay {
		t.Errorf("datasets %+v", r.Datasets)
	}
	errorOn := func(day, version int) float64 {
		for _, e := range r.Evaluations {
			if e.Model == "price" && e.Version == version && e.Labels == lab.Provisional && e.AsOf.Equal(sim.DayStart(salesEpoch, day)) && e.MAPE != nil {
				return *e.MAPE
			}
		}
		return math.NaN()
	}
	if before, after := errorOn(salesDrift, 1), errorOn(salesDrift+6, 1); !(before < 0.05) || !(after > 0.3) {
		t.Errorf("the error of version 1 is %.3f before the drift and %.3f after", before, after)
	}
	var fired []string
	for _, a := range r.Alerts {
		fired = append(fired, a.Name+" "+a.Subject)
	}
	champion := r.Aliases[len(r.Aliases)-1]
	for _, m := range r.Aliases {
		if m.Alias == lab.Champion {
			champion = m
		}
	}
	if fmt.Sprint(fired[:1]) != "[performance price/1]" || champion.Version < 2 || champion.By != "promote" {
		t.Errorf("alerts %v, the last champion %+v, runs %+v", fired, champion, r.Runs)
	}
	s, err := l.Status(t.Context())
	if err != nil || len(s.Models) == 0 || s.Models[0].OfflineMAPE == nil || s.Models[0].Provisional == nil {
		t.Errorf("status %+v (%v)", s, err)
	}
	instance := json.RawMessage(`{"house": "H1", "size": 100, "zone": "north"}`)
	answers, err := l.Predict(t.Context(), "price", "", []json.RawMessage{instance})
	if err != nil || len(answers) != 1 || answers[0].Version != champion.Version || answers[0].Score < 100_000 {
		t.Errorf("a house of 100 in the north is worth %+v (%v)", answers, err)
	}
}
