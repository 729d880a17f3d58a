package payments

import (
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah/lab/sim"
)

// cleaned is what the test's own cleaning step makes of a payment.
type cleaned struct {
	TransactionID string `json:"transaction_id"`
	CustomerID    string `json:"customer_id"`
	MerchantID    string `json:"merchant_id"`
	Cents         int64
	Currency      string `json:"currency"`
	Channel       string `json:"channel"`
	OccurredAt    time.Time
	converted     bool
}

var amountText = regexp.MustCompile(`^"(?:€|EUR )?(\d+)\.(\d\d)(?: EUR)?"$`)

// errRule names a quarantine rule.
type errRule string

func (e errRule) Error() string { return string(e) }

// clean is written from the description of the scenario, not from the generator.
func clean(payload []byte, merchants map[string]bool) (cleaned, error) {
	var c cleaned
	var raw struct {
		Amount     json.RawMessage `json:"amount_cents"`
		OccurredAt string          `json:"occurred_at"`
	}
	if json.Unmarshal(payload, &raw) != nil || json.Unmarshal(payload, &c) != nil {
		return c, errRule("unparsable")
	}
	if json.Unmarshal(raw.Amount, &c.Cents) != nil {
		parts := amountText.FindSubmatch(raw.Amount)
		if parts == nil {
			return c, errRule("bad_amount")
		}
		if err := json.Unmarshal([]byte(strings.TrimLeft(string(parts[1])+string(parts[2]), "0")), &c.Cents); err != nil {
			return c, errRule("bad_amount")
		}
		c.converted = true
	}
	var err error
	if c.OccurredAt, err = time.Parse(time.RFC3339, raw.OccurredAt); err != nil {
		return c, errRule("missing_zone")
	}
	c.converted = c.converted || !strings.HasSuffix(raw.OccurredAt, "Z")
	switch {
	case !merchants[c.MerchantID]:
		return c, errRule("unknown_merchant")
	case c.Cents <= 0:
		return c, errRule("negative_amount")
	}
	return c, nil
}

// A cleaning step that never saw the generator arrives at the counts of the oracle, exactly, and at the true payments.
func TestDirtIsCountedExactly(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, func(c *Config) { c.Customers.Count = 400 })
	merchants, known := map[string]bool{}, map[[16]byte]bool{}
	var truth sim.Tally
	outcomes, rules := map[sim.Outcome]int{}, map[string]int{}
	const days = 40
	for day := range days {
		truths, err := w.Oracle(day)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range mustDay(t, w, day) {
			if e.Stream == streamMerchants {
				merchants[e.Key] = true
			}
			if e.Stream != streamPayments {
				continue
			}
			truth.Add(truths[i : i+1])
			if truths[i].EventID != e.UUID() || !truths[i].ArrivesAt.Equal(e.ArrivesAt) {
				t.Fatalf("day %d: truth %d is about another event", day, i)
			}
			if known[e.ID] {
				outcomes[sim.Duplicate]++
				continue
			}
			known[e.ID] = true
			c, err := clean(e.Payload, merchants)
			var rule errRule
			if errors.As(err, &rule) {
				outcomes[sim.Quarantined]++
				rules[string(rule)]++
				continue
			}
			if c.converted {
				outcomes[sim.Converted]++
			} else {
				outcomes[sim.Accepted]++
			}
			fact := truths[i].Fact.(PaymentTruth)
			if c.Cents != fact.AmountCents || !c.OccurredAt.Equal(fact.OccurredAt) || c.TransactionID != fact.TransactionID ||
				c.MerchantID != fact.MerchantID || c.CustomerID != e.Key || (c.Channel != "" && c.Channel != fact.Channel) {
				t.Fatalf("cleaned payment %+v, the truth is %+v", c, fact)
			}
		}
	}
	if !maps.Equal(outcomes, truth.Outcomes) || !maps.Equal(rules, truth.Quarantined) {
		t.Errorf("cleaned: %v %v\noracle:  %v %v", outcomes, rules, truth.Outcomes, truth.Quarantined)
	}
	// The rates: within five standard deviations of the scenario file.
	n := float64(truth.Events - truth.Dirt[dirtDuplicate])
	rates := []dirtRate{{dirtOutOfOrder, w.cfg.Arrival.LateShare * 1.01}, {dirtDuplicate, w.cfg.Arrival.DuplicateShare * 0.984}}
	all := w.cfg.Dirt.rates()
	for _, d := range append(rates, all[:]...) {
		want := d.rate * n
		if got := float64(truth.Dirt[d.name]); (got-want)*(got-want) > 25*want {
			t.Errorf("%s: %v of %v payments, want about %v", d.name, got, n, want)
		}
	}
}

// Every envelope is JSON with the agreed fields, except where the oracle says that the payload is unparsable.
func TestEnvelopesAreJSON(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, func(c *Config) { small(c); c.Dirt.Unparsable = 0.05 })
	ingested := time.Date(2026, 3, 1, 9, 0, 0, 123e6, time.UTC)
	broken := 0
	for _, day := range []int{0, 5, 20, 72, 145, 155, 165} {
		truths, err := w.Oracle(day)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range mustDay(t, w, day) {
			line := e.AppendEnvelope(nil, ingested)
			var envelope struct {
				EventID       string          `json:"event_id"`
				Stream        string          `json:"stream"`
				Type          string          `json:"type"`
				SchemaVersion int             `json:"schema_version"`
				Key           string          `json:"key"`
				OccurredAt    time.Time       `json:"occurred_at"`
				IngestedAt    time.Time       `json:"ingested_at"`
				Payload       json.RawMessage `json:"payload"`
			}
			err := json.Unmarshal(line, &envelope)
			if truths[i].Rule == "unparsable" {
				broken++
				if err == nil {
					t.Fatalf("unparsable, says the oracle, of %s", line)
				}
				continue
			}
			if err != nil || envelope.EventID != e.UUID() || envelope.Stream != e.Stream || envelope.Type != e.Type ||
				envelope.SchemaVersion != 1 || envelope.Key != e.Key || e.Key == "" || !envelope.OccurredAt.Equal(e.OccurredAt) ||
				!envelope.IngestedAt.Equal(ingested) || string(envelope.Payload) != string(e.Payload) {
				t.Fatalf("%v in %s", err, line)
			}
			if e.AppendEnvelope(nil, time.Time{})[0] != '{' {
				t.Fatal("no envelope before ingestion")
			}
			if _, err := truths[i].AppendJSON(nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if broken < 30 {
		t.Errorf("%d unparsable events, want more than 30", broken)
	}
}

func TestLocalTimesFollowTheClocksOfChicago(t *testing.T) {
	for text, summer := range map[string]bool{
		"2025-01-15T12:00:00Z": false, "2025-03-09T07:59:59Z": false, "2025-03-09T08:00:00Z": true, "2025-07-01T00:00:00Z": true,
		"2025-11-02T06:59:59Z": true, "2025-11-02T07:00:00Z": false, "2026-03-08T08:00:00Z": true, "2026-03-08T07:00:00Z": false,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if chicagoSummer(at) != summer {
			t.Errorf("%s: summer time is %v", text, !summer)
		}
	}
}
