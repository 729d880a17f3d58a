package payments

import (
	"time"

	"github.com/howdah/howdah/lab/sim"
)

// PaymentTruth is what really happened, before dirt and faults, and what will be said about it.
type PaymentTruth struct {
	TransactionID string     `json:"transaction_id"`
	CustomerID    string     `json:"customer_id"`
	MerchantID    string     `json:"merchant_id"`
	AmountCents   int64      `json:"amount_cents"`
	Channel       string     `json:"channel"`
	OccurredAt    time.Time  `json:"occurred_at"`
	IsFraud       bool       `json:"is_fraud"`
	Fraud         string     `json:"fraud"` // none, stolen_card, card_testing, bad_merchant, night_purchase
	Trip          bool       `json:"trip,omitempty"`
	Gift          bool       `json:"gift,omitempty"`
	ReportedAt    *time.Time `json:"reported_at,omitempty"` // nil: it never is
	LabelArrives  *time.Time `json:"label_arrives,omitempty"`
	CorrectedAt   *time.Time `json:"corrected_at,omitempty"` // an honest payment that was reported
}

// LabelTruth is what a label is about.
type LabelTruth struct {
	TransactionID string `json:"transaction_id"`
	IsFraud       bool   `json:"is_fraud"` // the truth, whatever the label says
	Fraud         string `json:"fraud"`
}

// ProfileTruth says how a profile change came.
type ProfileTruth struct {
	ID   string `json:"id"`
	Late bool   `json:"late,omitempty"` // known only some time after it became valid
}

func (w *World) truth(d *delivery) sim.Truth {
	t := sim.Truth{EventID: sim.FormatID(d.id), Copy: d.copy, ArrivesAt: w.instant(d.arrives), Outcome: sim.Accepted}
	switch {
	case d.payment != nil:
		t.Stream, t.Type = streamPayments, "payment.authorized"
		w.paymentTruth(&t, d)
	case d.report != nil:
		t.Stream, t.Type = streamLabels, "label.reported"
		held := d.report.held
		if d.correction {
			t.Type, held = "label.corrected", d.report.correctionHeld
		}
		if held {
			t.Faults = []string{LabelOutage}
		}
		t.Fact = LabelTruth{TransactionID: d.report.transaction, IsFraud: d.report.kind != honest, Fraud: kindNames[d.report.kind]}
	default:
		t.Stream, t.Type = d.change.stream, "profile.upserted"
		t.Fact = ProfileTruth{ID: w.changeID(d.change), Late: d.change.late}
	}
	return t
}

func (w *World) paymentTruth(t *sim.Truth, d *delivery) {
	if d.dirt != "" {
		t.Dirt = append(t.Dirt, d.dirt)
	}
	if d.late {
		t.Dirt = append(t.Dirt, dirtOutOfOrder)
	}
	if d.copy > 0 {
		t.Dirt = append(t.Dirt, dirtDuplicate)
	}
	euro, rename := w.faultsOf(d)
	if euro {
		t.Faults = append(t.Faults, UpstreamFault+".euro")
	}
	if rename {
		t.Faults = append(t.Faults, UpstreamFault+".rename")
	}
	rule, bad := quarantineRules[d.dirt]
	switch {
	case d.copy > 0:
		t.Outcome = sim.Duplicate
	case bad:
		t.Outcome, t.Rule = sim.Quarantined, rule
	case d.dirt == dirtAmountText || d.dirt == dirtLocalOffset:
		t.Outcome = sim.Converted
	}
	t.Fact = w.paymentFact(d.payment)
}

func (w *World) paymentFact(p *payment) PaymentTruth {
	fact := PaymentTruth{
		TransactionID: p.id(), CustomerID: p.customer.id, MerchantID: w.merchants[p.merchant].id, AmountCents: p.cents,
		Channel: w.channel(p), OccurredAt: w.instant(p.at), IsFraud: p.kind != honest, Fraud: kindNames[p.kind],
		Trip: p.trip, Gift: p.gift,
	}
	if r, ok := w.report(p); ok {
		reported, arrives := w.instant(r.reported), w.instant(r.arrives)
		fact.ReportedAt, fact.LabelArrives = &reported, &arrives
		if r.corrected > 0 {
			corrected := w.instant(r.corrected)
			fact.CorrectedAt = &corrected
		}
	}
	return fact
}
