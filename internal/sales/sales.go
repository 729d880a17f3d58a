// Package sales is a small scenario for tests, of another kind than payments: its target is an amount, which stands in the
// fact itself, and nothing else comes.
package sales

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/model"
	"github.com/howdah/howdah/lab/sim"
)

// Scenario has houses sold at prices that its model predicts.
type Scenario struct{}

// So many sales a day; the day on which the first model is trained; the day on which all prices double.
const (
	ADay  = 60
	Live  = 8
	Drift = 12
)

// Epoch is the beginning of day 0.
var Epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

type sale struct {
	ID    string    `json:"id"`
	House string    `json:"house"`
	Size  float64   `json:"size"`
	Zone  string    `json:"zone"`
	Price float64   `json:"price"`
	At    time.Time `json:"at"`
}

// World is the scenario itself.
func (Scenario) World() sim.World { return Scenario{} }

// Info describes it.
func (Scenario) Info() sim.Info {
	return sim.Info{Scenario: "sales", Version: 1, Seed: 1, Epoch: Epoch, GoLive: sim.DayStart(Epoch, Live), End: sim.DayStart(Epoch, 100), Speed: 720,
		Streams: []sim.StreamInfo{{Name: "sold", Key: "house"}}}
}

// Day is what happens on a day.
func (Scenario) Day(day int) (events []sim.Event, err error) {
	for i := range ADay {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %d", day, i))
		x := func(k int) float64 { return float64(binary.BigEndian.Uint32(sum[4*k:])) / (1 << 32) }
		s := sale{ID: fmt.Sprintf("S%d-%d", day, i), House: fmt.Sprintf("H%d", i), Size: 50 + 150*x(4), Zone: []string{"north", "south"}[int(2*x(5))],
			At: sim.DayStart(Epoch, day).Add(time.Duration(i) * 24 * time.Minute)}
		s.Price = 1000 * s.Size * (0.95 + 0.1*x(6))
		if s.Zone == "south" {
			s.Price += 50_000
		}
		if day >= Drift {
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

// Oracle is the truth about a day.
func (Scenario) Oracle(day int) ([]sim.Truth, error) {
	events, err := Scenario{}.Day(day)
	truths := make([]sim.Truth, len(events))
	for i, e := range events {
		truths[i] = sim.Truth{EventID: e.UUID(), Stream: e.Stream, Type: e.Type, ArrivesAt: e.ArrivesAt, Outcome: sim.Accepted}
	}
	return truths, err
}

// Shape names the stream.
func (Scenario) Shape() lab.Shape {
	return lab.Shape{Name: "sales", Facts: "sold", Model: "price", Window: time.Hour, Target: lab.Amount, Ranged: []string{"size"}, Rename: "zone", Scale: "price"}
}

// View is size and zone.
func (Scenario) View() feature.View {
	return feature.View{Name: "sale", Version: 1, Columns: []feature.Column{{Name: "size", Kind: feature.Number}, {Name: "zone", Kind: feature.Category}}}
}

// Clean reads a sale, which says its price itself.
func (Scenario) Clean(payload []byte, known time.Time) (lab.Cleaned, error) {
	var s sale
	if err := json.Unmarshal(payload, &s); err != nil {
		return lab.Cleaned{}, err
	}
	return lab.Cleaned{Fact: lab.Fact{ID: s.ID, Key1: s.House, Key2: s.Zone, At: s.At, Known: known, Doc: payload},
		Label: &lab.Label{ID: s.ID, Fact: s.ID, Source: "sale", Value: s.Price, At: s.At, Known: known}}, nil
}

// Label is never asked: labels come with the facts.
func (Scenario) Label([]byte, time.Time) (l lab.Label, err error) { return l, howdah.ErrInvalid }

// Profile is never asked: there is no reference data.
func (Scenario) Profile(string, []byte, time.Time) (p lab.Profile, err error) {
	return p, howdah.ErrInvalid
}

// Request reads a house whose price is asked for.
func (s Scenario) Request(instance []byte, now time.Time) (lab.Fact, error) {
	c, err := s.Clean(instance, now)
	c.Fact.ID, c.Fact.At = "request", now
	return c.Fact, err
}

// NewIndex remembers nothing.
func (Scenario) NewIndex() lab.Index { return noHistory{} }

// noHistory computes features from the fact alone.
type noHistory struct{}

func (noHistory) AddFact(*lab.Fact) error               { return nil }
func (noHistory) AddHit(string, time.Time, time.Time)   {}
func (noHistory) AddLabel(*lab.Label)                   {}
func (noHistory) AddLabelOf(*lab.Label, *lab.Fact)      {}
func (noHistory) AddProfile(string, *lab.Profile) error { return nil }
func (noHistory) Forget(time.Time)                      {}
func (noHistory) Compute(f *lab.Fact) (feature.Row, error) {
	var s sale
	err := json.Unmarshal(f.Doc, &s)
	return feature.Row{Numbers: []float64{s.Size}, Categories: []string{s.Zone}}, err
}

// Policy trains by the error alone.
func (Scenario) Policy() lab.Policy {
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
