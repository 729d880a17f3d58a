package payments

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah/lab/sim"
)

// With the drift, stolen cards are tested in bursts of small payments; nothing else changes on that day.
func TestConceptDriftChangesKindAOnly(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, func(c *Config) { c.Customers.Count = 300; c.Fraud.StolenCard.PerDay = 2 })
	count := func(from, until int) (n [5]int, ratio [5]float64) {
		for day := from; day < until; day++ {
			for _, p := range w.facts.get(day).payments {
				n[p.kind]++
				usual := p.customer.level + w.cfg.Merchants.Categories[w.merchants[p.merchant].category].Offset
				ratio[p.kind] += math.Log(float64(p.cents)) - usual
			}
		}
		for k := range ratio {
			ratio[k] /= float64(max(n[k], 1))
		}
		return n, ratio
	}
	before, ratioBefore := count(20, 80)
	after, ratioAfter := count(80, 120)
	if before[cardTesting] != 0 || after[stolenCard] != 0 || before[stolenCard] == 0 || after[cardTesting] == 0 {
		t.Errorf("frauds before the drift %v, after %v", before, after)
	}
	if got, want := ratioBefore[stolenCard], math.Log(5); math.Abs(got-want) > 0.2 {
		t.Errorf("stolen cards pay e^%.2f times the usual amount, want 5", got)
	}
	if got := ratioAfter[cardTesting]; got < -0.8 || got > -0.2 {
		t.Errorf("card testing pays e^%.2f times the usual amount, want about 0.6", got)
	}
	// Bursts: 4 to 8 within half an hour.
	type burst struct {
		n           int
		first, last int64
	}
	bursts := map[[2]int64]*burst{}
	for day := 80; day < 120; day++ {
		for _, c := range w.population(day) {
			var one *burst
			for _, p := range w.customerDay(nil, c, day, w.plans.get(day)) {
				if p.kind != cardTesting {
					one = nil
					continue
				}
				if one == nil {
					one = &burst{first: p.at, last: p.at}
					bursts[[2]int64{c.number, p.at}] = one
				}
				one.n, one.first, one.last = one.n+1, min(one.first, p.at), max(one.last, p.at)
			}
		}
	}
	for _, b := range bursts {
		if b.n < 4 || b.n > 8 || b.last-b.first > 30*minuteMS {
			t.Errorf("a burst of %d payments in %d s", b.n, (b.last-b.first)/1000)
		}
	}
}

func TestCovariateDriftRaisesAmounts(t *testing.T) {
	w := newWorld(t, 42)
	for _, c := range []struct{ day, want float64 }{{0, 1}, {104, 1}, {115, 1.009}, {125, 1.25}, {130, 1.4404}, {200, 1.5}} {
		if got := w.amountFactor(int64(c.day * dayMS)); math.Abs(got-c.want) > 0.001 {
			t.Errorf("day %v: factor %.4f, want %v", c.day, got, c.want)
		}
	}
}

func TestUpstreamFaultHitsSomeMerchantsForTwoDays(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorld(t, seed)
	for day := 144; day < 149; day++ {
		truths, err := w.Oracle(day)
		if err != nil {
			t.Fatal(err)
		}
		n, euro, rename := 0, 0, 0
		merchants := map[string]bool{}
		for i, e := range mustDay(t, w, day) {
			fact, ok := truths[i].Fact.(PaymentTruth)
			if !ok || len(truths[i].Dirt) > 0 {
				continue
			}
			n++
			var p struct {
				Cents   int64  `json:"amount_cents"`
				Channel string `json:"channel"`
				Renamed string `json:"payment_channel"`
			}
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				t.Fatal(err)
			}
			faults := strings.Join(truths[i].Faults, " ")
			if hit := strings.Contains(faults, "euro"); hit {
				euro++
				merchants[fact.MerchantID] = true
				if p.Cents != max(1, (fact.AmountCents+50)/100) {
					t.Errorf("%d for %d cents", p.Cents, fact.AmountCents)
				}
			} else if p.Cents != fact.AmountCents {
				t.Errorf("%d for %d cents, and no fault", p.Cents, fact.AmountCents)
			}
			if hit := strings.Contains(faults, "rename"); hit {
				rename++
			} else if p.Channel != fact.Channel {
				t.Errorf("channel %q for %q, and no fault", p.Channel, fact.Channel)
			}
			if (p.Renamed != "") == (p.Channel != "") {
				t.Errorf("channel in both fields or in none: %s", e.Payload)
			}
		}
		if in := day == 145 || day == 146; in {
			if share := float64(euro) / float64(n); share < 0.04 || share > 0.2 || rename < n/100 || rename > n/7 || len(merchants) < 50 {
				t.Errorf("day %d: %d in euro of %d merchants and %d renamed, of %d", day, euro, len(merchants), rename, n)
			}
		} else if day != 147 && euro+rename > 0 { // a few come in after midnight
			t.Errorf("day %d: %d faulty payments", day, euro+rename)
		}
	}
}

func TestACategoryIsSplit(t *testing.T) {
	w := newWorld(t, 42)
	old, split := 0, 0
	for i := range w.merchants {
		m := &w.merchants[i]
		switch w.category(m, 165*dayMS) {
		case "secondhand":
			split++
			if w.category(m, 165*dayMS-1) != "marketplace" {
				t.Errorf("%s was no marketplace", m.id)
			}
		case "marketplace":
			old++
		}
	}
	if split < 40 || old < 40 {
		t.Errorf("%d merchants split off, %d stay", split, old)
	}
	found := 0
	for _, e := range mustDay(t, w, 165) {
		if e.Stream == streamMerchants && strings.Contains(string(e.Payload), `"secondhand"`) {
			found++
		}
	}
	if found != split {
		t.Errorf("%d profile changes announce the split, want %d", found, split)
	}
}

// An incident that is injected changes nothing that arrived before it.
func TestInjectionLeavesThePastAlone(t *testing.T) {
	seed, _ := printSeed(t)
	for _, i := range []Incident{
		{Kind: LabelOutage, From: 90.5, Until: 93},
		{Kind: CardTestingOn, From: 50.25},
		{Kind: AmountDrift, From: 60, Width: 4, Rise: 1},
		{Kind: UpstreamFault, From: 62.5, Until: 63, EuroShare: 1, RenameShare: 1},
		{Kind: Cohort, From: 70, Count: 20, Segment: "retiree"},
		{Kind: CategorySplit, From: 75.5, Category: "coffee", Into: "tea"},
	} {
		w := newWorldWith(t, seed, small)
		cfg, err := w.Config().Inject(i)
		if err != nil {
			t.Fatal(err)
		}
		injected, err := New(cfg, seed)
		if err != nil {
			t.Fatal(err)
		}
		begin := i.From
		if i.Kind == AmountDrift {
			begin -= 2 * i.Width
		}
		epoch := w.Info().Epoch
		first := -1
		for day := 40; day < 100 && first < 0; day++ {
			a, b := mustDay(t, w, day), mustDay(t, injected, day)
			for n := range max(len(a), len(b)) {
				if n < len(a) && n < len(b) && sim.Hash(a[n:n+1]) == sim.Hash(b[n:n+1]) {
					continue
				}
				first = day
				at := b[min(n, len(b)-1)].ArrivesAt
				if n < len(a) && a[n].ArrivesAt.Before(at) {
					at = a[n].ArrivesAt
				}
				if at.Before(epoch.Add(time.Duration(begin * 24 * float64(time.Hour)))) {
					t.Errorf("%s at day %v changes an event that arrives at %v", i.Kind, i.From, at)
				}
				break
			}
		}
		if first < 0 {
			t.Errorf("%s changes nothing", i.Kind)
		}
	}
}
