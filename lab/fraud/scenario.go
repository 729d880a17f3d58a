package fraud

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/sim"
	"github.com/howdah/howdah/lab/sim/payments"
)

// Scenario plays payments with one seed. It implements lab.Scenario.
type Scenario struct{ world *payments.World }

var (
	_ lab.Scenario     = (*Scenario)(nil)
	_ lab.Investigator = (*Scenario)(nil)
)

// New plays a scenario file with a seed; an empty file is the delivered scenario.
func New(file []byte, seed uint64) (*Scenario, error) {
	config, err := payments.Override(file)
	if err != nil {
		return nil, err
	}
	world, err := payments.New(config, seed)
	return &Scenario{world}, err
}

// World is the simulated business.
func (s *Scenario) World() sim.World { return s.world }

// Payments is the same with what only this scenario can.
func (s *Scenario) Payments() *payments.World { return s.world }

// ChecksDay is how many payments of a day an investigator checks.
func (s *Scenario) ChecksDay() int { return s.world.ChecksDay() }

// Investigate gives what the investigator finds.
func (s *Scenario) Investigate(at time.Time, facts []lab.Checked) ([]sim.Event, error) {
	checks := make([]payments.Check, len(facts))
	for i, f := range facts {
		checks[i] = payments.Check{TransactionID: f.ID, OccurredAt: f.At}
	}
	return s.world.Investigate(at, checks)
}

// Shape names the streams.
func (*Scenario) Shape() lab.Shape {
	return lab.Shape{Name: "payments", Facts: "payments", Labels: "labels", References: []string{"customers", "merchants", "zips"},
		Keyed: []string{"customers", "merchants"}, Linked: map[string]string{"zips": "zip"}, Before: []string{"merchants"}, Model: "fraud", Window: time.Duration(Window) * time.Millisecond, Target: lab.Class, Ranged: []string{featLogAmount},
		FactColumns: []string{"transaction_id", "customer_id", "merchant_id", "amount_cents", "channel", "occurred_at"},
		Rename:      "channel", Scale: "amount_cents"}
}

// View is fraud_v1.
func (*Scenario) View() feature.View { return View() }

// Policy is that of the class: see lab.Policy for the meaning.
func (*Scenario) Policy() lab.Policy {
	day := 24 * time.Hour
	return lab.Policy{
		Specs: Specs(), TrainDays: 30, TestDays: 7, Horizon: 14 * day, AlertsDay: 20, Every: 7 * day, CoolDown: day, Trials: 3,
		Gate:    lab.Gate{MinAUC: 0.80, MinPositives: 80, MaxNullRate: 0.05, MaxScorePSI: 0.25, MaxP99: 5 * time.Millisecond},
		Promote: lab.Promotion{Shadow: 7 * day, MinPositives: 100, Samples: 500, MinPBetter: 0.90, MaxAPLoss: 0.02, MaxVolume: 0.30, GiveUp: 28 * day},
		Retrain: lab.Triggers{AUCLoss: 0.05, PSI: 0.25, PSIShare: 0.30, NewPositives: 200},
		Machine: lab.Machine{Lag: 10 * time.Second, Latency: 10 * time.Millisecond},
	}
}

// RejectedBy makes a Rejection the lab's.
func (r *Rejection) RejectedBy() (rule, detail string) { return r.Rule, r.Detail }

// doc is a clean payment as it is stored.
type doc struct {
	TransactionID string    `json:"transaction_id"`
	CustomerID    string    `json:"customer_id"`
	MerchantID    string    `json:"merchant_id"`
	AmountCents   int64     `json:"amount_cents"`
	Channel       *string   `json:"channel"`
	OccurredAt    time.Time `json:"occurred_at"`
}

func toFact(p *Payment) lab.Fact {
	d := doc{p.ID, p.Customer, p.Merchant, p.Cents, nil, p.At.Time()}
	if p.Channel != "" {
		d.Channel = &p.Channel
	}
	text, _ := json.Marshal(d) // texts, a number, a time
	return lab.Fact{ID: p.ID, Key1: p.Customer, Key2: p.Merchant, At: p.At.Time(), Known: p.Known.Time(), Doc: text, Value: p}
}

func toPayment(f *lab.Fact) (Payment, error) {
	if p, ok := f.Value.(*Payment); ok {
		return *p, nil
	}
	p := Payment{ID: f.ID, Customer: f.Key1, Merchant: f.Key2, At: ToMS(f.At), Known: ToMS(f.Known)}
	// What the fact says itself need not be read again.
	var d struct {
		AmountCents int64   `json:"amount_cents"`
		Channel     *string `json:"channel"`
	}
	if err := json.Unmarshal(f.Doc, &d); err != nil {
		return Payment{}, fmt.Errorf("payment %s: %w", f.ID, err)
	}
	p.Cents = d.AmountCents
	if d.Channel != nil {
		p.Channel = *d.Channel
	}
	return p, nil
}

// Clean reads and checks a payment.
func (*Scenario) Clean(payload []byte, known time.Time) (lab.Cleaned, error) {
	p, converted, err := ParsePayment(payload, ToMS(known))
	if err != nil {
		return lab.Cleaned{}, err
	}
	return lab.Cleaned{Fact: toFact(&p), Converted: converted, Refs: []lab.Ref{{Collection: "merchants", Key: p.Merchant, Rule: UnknownMerchant}}}, nil
}

// Label reads a label.
func (*Scenario) Label(payload []byte, known time.Time) (lab.Label, error) {
	l, err := ParseLabel(payload, ToMS(known))
	return lab.Label{ID: l.ID, Fact: l.Payment, Source: l.Source, Supersedes: l.Supersedes, Value: bit(l.Fraud), At: l.At.Time(), Known: known}, err
}

// Profile reads a profile.
func (*Scenario) Profile(stream string, payload []byte, known time.Time) (lab.Profile, error) {
	p, err := ParseProfile(payload, map[string]string{"customers": "customer_id", "merchants": "merchant_id", "zips": "zip"}[stream])
	return lab.Profile{Key: p.Key, ValidFrom: p.ValidFrom.Time(), Known: known, Doc: p.Doc}, err
}

// Request reads an instance of a prediction: a payment, with an optional transaction_id and occurred_at.
func (*Scenario) Request(instance []byte, now time.Time) (lab.Fact, error) {
	var w wirePayment
	d := json.NewDecoder(bytes.NewReader(instance))
	if err := d.Decode(&w); err != nil {
		return lab.Fact{}, fmt.Errorf("instance: %w", err)
	}
	if w.OccurredAt == "" {
		w.OccurredAt = now.UTC().Format(time.RFC3339Nano)
	}
	if w.TransactionID == "" {
		w.TransactionID = "request"
	}
	text, err := json.Marshal(w)
	if err != nil {
		return lab.Fact{}, errors.New("instance: amount_cents is missing")
	}
	p, _, err := ParsePayment(text, ToMS(now))
	if err != nil {
		return lab.Fact{}, fmt.Errorf("instance: %w", err)
	}
	return toFact(&p), nil
}

// index makes Facts a lab.Index.
type index struct{ *Facts }

// NewIndex is an empty index.
func (*Scenario) NewIndex() lab.Index { return index{NewFacts()} }

func (x index) AddFact(f *lab.Fact) error {
	p, err := toPayment(f)
	if err == nil {
		x.AddPayment(&p)
	}
	return err
}

func (x index) AddHit(merchant string, at, known time.Time) {
	x.Facts.AddHit(merchant, ToMS(at), ToMS(known))
}

func (x index) AddLabel(l *lab.Label) { x.Facts.AddLabel(toLabel(l)) }

func (x index) AddLabelOf(l *lab.Label, f *lab.Fact) {
	x.Facts.AddLabelOf(toLabel(l), f.Key2, ToMS(f.Known))
}

func toLabel(l *lab.Label) Label {
	return Label{Payment: l.Fact, Fraud: l.Value > 0.5, At: ToMS(l.At), Known: ToMS(l.Known)}
}

func (x index) AddProfile(collection string, p *lab.Profile) error {
	return x.Facts.AddProfile(collection, p.Key, ToMS(p.ValidFrom), ToMS(p.Known), p.Doc)
}

func (x index) Compute(f *lab.Fact) (feature.Row, error) {
	p, err := toPayment(f)
	if err != nil {
		return feature.Row{}, err
	}
	return x.Facts.Compute(&p), nil
}

func (x index) Forget(t time.Time) { x.Facts.Forget(ToMS(t)) }
