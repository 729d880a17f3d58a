package fraud

import (
	"errors"
	"testing"

	"github.com/howdah/howdah/lab/sim"
	"github.com/howdah/howdah/lab/sim/payments"
)

func TestParsePayment(t *testing.T) {
	const head = `{"transaction_id":"T1","customer_id":"C1","merchant_id":"M1",`
	for payload, want := range map[string]string{
		head + `"amount_cents":1230,"currency":"EUR","channel":"pos","occurred_at":"2025-01-01T08:00:00.000Z"}`: "",
		head + `"amount_cents":"€12.30","channel":"pos","occurred_at":"2025-01-01T02:00:00.000-06:00"}`:         "",
		head + `"amount_cents":"12.30 EUR","occurred_at":"2025-01-01T08:00:00Z","loyalty_points":3}`:            "",
		head + `"amount_cents":"EUR 12.30","channel":"telex","occurred_at":"2025-01-01T08:00:00Z"}`:             "",
		head + `"amount_cents":1230,"occurred_at":"2025-01-01T08:00:00.000"}`:                                   MissingZone,
		head + `"amount_cents":1230,"occurred_at":"yesterday"}`:                                                 BadTime,
		head + `"amount_cents":-1230,"occurred_at":"2025-01-01T08:00:00Z"}`:                                     NegativeAmount,
		head + `"amount_cents":12.30,"occurred_at":"2025-01-01T08:00:00Z"}`:                                     BadAmount,
		head + `"amount_cents":"12,30","occurred_at":"2025-01-01T08:00:00Z"}`:                                   BadAmount,
		head + `"amount_cents":"","occurred_at":"2025-01-01T08:00:00Z"}`:                                        BadAmount,
		head + `"amount_cents":"1.+1","occurred_at":"2025-01-01T08:00:00Z"}`:                                    BadAmount,
		head + `"amount_cents":null,"occurred_at":"2025-01-01T08:00:00Z"}`:                                      MissingField,
		head + `"amount_cents":1230,"currency":"USD","occurred_at":"2025-01-01T08:00:00Z"}`:                     BadCurrency,
		`{"customer_id":"C1","merchant_id":"M1","amount_cents":1230,"occurred_at":"2025-01-01T08:00:00Z"}`:      MissingField,
		head[:20]: Unparsable, ``: Unparsable, `[1]`: Unparsable, "\x00\xff": Unparsable,
	} {
		p, _, err := ParsePayment([]byte(payload), 7)
		var r *Rejection
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", payload, err)
		case want == "" && (p.Cents != 1230 || p.At.Time().Format("15:04") != "08:00" || p.Known != 7 || p.ID != "T1"):
			t.Errorf("%s is read as %+v", payload, p)
		case want != "" && (!errors.As(err, &r) || r.Rule != want):
			t.Errorf("%s: %v, want rule %s", payload, err, want)
		}
	}
}

// Every event of three weeks is treated as the oracle says.
func TestCleaningAgreesWithTheOracle(t *testing.T) {
	cfg, err := payments.Default()
	if err != nil {
		t.Fatal(err)
	}
	w, err := payments.New(cfg, 5)
	if err != nil {
		t.Fatal(err)
	}
	facts, seen, n := NewFacts(), map[[16]byte]bool{}, map[sim.Outcome]int{}
	for day := range 21 {
		events, err := w.Day(day)
		if err != nil {
			t.Fatal(err)
		}
		truths, err := w.Oracle(day)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range events {
			if e.Stream == "merchants" {
				p, err := ParseProfile(e.Payload, "merchant_id")
				if err != nil {
					t.Fatal(err)
				}
				if err := facts.AddProfile("merchants", p.Key, p.ValidFrom, ToMS(e.ArrivesAt), p.Doc); err != nil {
					t.Fatal(err)
				}
			}
			if e.Stream != "payments" {
				continue
			}
			p, converted, err := ParsePayment(e.Payload, ToMS(e.ArrivesAt))
			var r *Rejection
			errors.As(err, &r)
			if err == nil && !facts.KnowsMerchant(p.Merchant, p.Known) {
				r = &Rejection{Rule: UnknownMerchant}
			}
			got, rule := sim.Accepted, ""
			switch {
			case seen[e.ID]:
				got = sim.Duplicate
			case r != nil:
				got, rule = sim.Quarantined, r.Rule
			case converted:
				got = sim.Converted
			}
			seen[e.ID] = true
			n[got]++
			truth := truths[i]
			if got != truth.Outcome || rule != truth.Rule {
				t.Fatalf("%s is %s %s, the oracle says %s %s", e.Payload, got, rule, truth.Outcome, truth.Rule)
			}
			if fact := truth.Fact.(payments.PaymentTruth); r == nil && (p.Cents != fact.AmountCents || p.At != ToMS(fact.OccurredAt)) {
				t.Fatalf("%s is read as %+v, the oracle says %+v", e.Payload, p, fact)
			}
		}
	}
	if n[sim.Quarantined] == 0 || n[sim.Duplicate] == 0 || n[sim.Converted] == 0 {
		t.Errorf("outcomes %v", n)
	}
}

func FuzzParsePayment(f *testing.F) {
	f.Add([]byte(`{"transaction_id":"T1","customer_id":"C1","merchant_id":"M1","amount_cents":"€12.30","occurred_at":"2025-01-01T08:00:00.000Z"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		p, _, err := ParsePayment(payload, 0)
		if err == nil && (p.Cents < 0 || p.ID == "") {
			t.Errorf("%q is accepted as %+v", payload, p)
		}
	})
}
