package fraud

import (
	"math"
	"math/rand/v2"
	"testing"
)

// brute computes the view for one payment by looking at everything, in the most plain way. It shares no code with Compute
// but the types.
func (r *replayed) brute(p *Payment) map[string]any {
	out := map[string]any{}
	amount := math.Log(float64(p.Cents))
	out["log_amount"] = amount
	h1, h24, d7, n, total, last, fresh := 0.0, 0.0, 0.0, 0.0, 0.0, MS(0), 1.0
	shops := map[string]bool{}
	m7, m30, reported, lastReport := 0.0, 0.0, 0.0, MS(0)
	for i := range r.payments {
		q := &r.payments[i]
		if q.At >= p.At || q.Known >= p.Known {
			continue
		}
		age := float64(p.At-q.At) / 3_600_000 // hours
		if q.Customer == p.Customer && age <= 720 {
			n++
			total += math.Log(float64(q.Cents))
			last = max(last, q.At)
			if age <= 1 {
				h1++
			}
			if age <= 24 {
				h24++
				shops[q.Merchant] = true
			}
			if age <= 168 {
				d7++
			}
			if q.Merchant == p.Merchant {
				fresh = 0
			}
		}
		if q.Merchant != p.Merchant {
			continue
		}
		if age <= 168 {
			m7++
		}
		if age <= 720 {
			m30++
		}
		// The latest thing said about q before p, and when it was first reported.
		said, known, first := false, MS(-1), MS(math.MaxInt64)
		for _, l := range r.labels[q.ID] {
			if l.At < p.At && l.Known < p.Known {
				if l.Known > known {
					said, known = l.Fraud, l.Known
				}
				first = min(first, l.At)
			}
		}
		if said {
			if float64(p.At-first)/3_600_000 <= 720 {
				reported++
			}
			lastReport = max(lastReport, first)
		}
	}
	out["tx_count_1h"], out["tx_count_24h"], out["tx_count_7d"] = h1, h24, d7
	out["distinct_merchants_24h"], out["is_new_merchant"] = float64(len(shops)), fresh
	out["merchant_tx_count_7d"], out["merchant_reported_30d"] = m7, reported
	out["merchant_reported_rate_30d"] = min(1, reported/max(m30, 1))
	out["merchant_days_since_report"] = 60.0
	if lastReport > 0 {
		out["merchant_days_since_report"] = min(60, float64(p.At-lastReport)/86_400_000)
	}
	if n > 0 {
		out["avg_log_amount_30d"], out["log_amount_minus_avg"] = total/n, amount-total/n
		out["minutes_since_last"] = float64(p.At-last) / 60_000
	}
	if p.Channel != "" {
		out["is_online"] = 0.0
		if p.Channel == "online" {
			out["is_online"] = 1.0
		}
	}
	return out
}

// A thousand payments, recomputed from all facts by brute force, have the same features; and adding the facts in another
// order changes no bit.
func TestFeaturesSeeNothingOfTheFuture(t *testing.T) {
	if testing.Short() {
		t.Skip("replays 50 days")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := replay(t, 3, 50)
	columns := map[string]int{}
	for i, name := range View().Numbers() {
		columns[name] = i
	}
	reports := 0.0
	for n := range 1000 {
		// Half of them at random, half where something was reported: there a leak would show.
		i := random.IntN(len(r.payments))
		for n%2 == 0 && r.rows.Numbers[columns["merchant_reported_30d"]][i] == 0 {
			i = random.IntN(len(r.payments))
		}
		p := &r.payments[i]
		got := r.rows.Row(i)
		want := r.brute(p)
		for name, column := range columns {
			w, asked := want[name]
			switch name {
			case "hour_sin", "hour_cos", "is_weekend", "tenure_days", "home_distance_km":
				continue // of the payment and the profiles alone: TestProfilesAsOf
			}
			g := got.Numbers[column]
			if !asked && !math.IsNaN(g) || asked && math.Abs(g-w.(float64)) > 1e-9 {
				t.Fatalf("payment %s: %s is %v, want %v", p.ID, name, g, w)
			}
		}
		reports += want["merchant_reported_30d"].(float64)
	}
	if reports == 0 {
		t.Error("no payment had a report behind it")
	}
	shuffled := NewFacts()
	for _, i := range random.Perm(len(r.payments)) {
		shuffled.AddPayment(&r.payments[i])
	}
	for _, i := range random.Perm(len(r.payments)) {
		for _, l := range r.labels[r.payments[i].ID] {
			shuffled.AddLabel(l)
		}
	}
	shuffled.customers, shuffled.merchants, shuffled.zips = r.facts.customers, r.facts.merchants, r.facts.zips
	for range 2000 {
		i := random.IntN(len(r.payments))
		if got := shuffled.Compute(&r.payments[i]); !got.Equal(r.rows.Row(i)) {
			t.Fatalf("payment %s: %v with the facts in another order, want %v", r.payments[i].ID, got, r.rows.Row(i))
		}
	}
}

func TestProfilesAsOf(t *testing.T) {
	f := NewFacts()
	f.AddZip(Zip{ID: "Z1", X: 0, Y: 0})
	f.AddZip(Zip{ID: "Z2", X: 30_000, Y: 40_000})
	f.AddCustomer(Customer{ID: "C", Segment: "student", Zip: "Z1", SignedUp: 0, ValidFrom: 0, Known: 0})
	f.AddCustomer(Customer{ID: "C", Segment: "family", Zip: "Z2", SignedUp: 0, ValidFrom: 10 * Day, Known: 11 * Day}) // known late
	f.AddMerchant(Merchant{ID: "M", Category: "fuel", RiskTier: "low", Known: 0})
	f.AddMerchant(Merchant{ID: "M", Category: "fuel", RiskTier: "high", ValidFrom: 20 * Day, Known: 20*Day + 1})
	f.AddMerchant(Merchant{ID: "M", Category: "fuel", RiskTier: "medium", ValidFrom: 20 * Day, Known: 22 * Day}) // a correction
	distance, tenure := 6, 5
	for _, c := range []struct {
		at, known     MS
		segment, tier string
		km            float64
	}{
		{9 * Day, 9*Day + 1, "student", "low", 0},
		{10*Day + Hour, 10*Day + 2*Hour, "student", "low", 0},
		{10*Day + Hour, 11*Day + 1, "family", "low", 50},
		{20 * Day, 20*Day + 1, "family", "low", 50}, // known at the same moment is not known before
		{20 * Day, 20*Day + 2, "family", "high", 50},
		{23 * Day, 23 * Day, "family", "medium", 50},
	} {
		row := f.Compute(&Payment{ID: "T", Customer: "C", Merchant: "M", Cents: 100, Channel: "pos", At: c.at, Known: c.known})
		if row.Categories[1] != c.segment || row.Categories[2] != c.tier || row.Numbers[distance] != c.km {
			t.Errorf("at %v, known %v: %v, want %+v", c.at, c.known, row, c)
		}
		if row.Numbers[tenure] != float64(c.at)/float64(Day) {
			t.Errorf("tenure is %v days at day %v", row.Numbers[tenure], float64(c.at)/float64(Day))
		}
	}
	if got := View().Numbers(); got[distance] != "home_distance_km" || got[tenure] != "tenure_days" {
		t.Errorf("the columns moved: %v", got)
	}
	if f.KnowsMerchant("M", 0) || !f.KnowsMerchant("M", 1) || f.KnowsMerchant("N", Day) {
		t.Error("KnowsMerchant is wrong about time")
	}
}
