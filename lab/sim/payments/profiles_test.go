package payments

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/howdah/howdah/lab/sim"
)

// profile is the payload of a profile event, of any kind.
type profile struct {
	ValidFrom time.Time `json:"valid_from"`
	Profile   struct {
		Segment  string         `json:"segment"`
		Zip      string         `json:"zip"`
		SignedUp time.Time      `json:"signed_up_at"`
		Category string         `json:"category"`
		RiskTier string         `json:"risk_tier"`
		Schools  map[string]int `json:"schools"`
	} `json:"profile"`
}

// The risk tiers of every Monday are recomputed from the label events alone.
func TestRiskTiersComeFromReportedFrauds(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, func(c *Config) { small(c); c.Labels.FalseReports = 0.01 })
	merchantOf := map[string]string{}
	type report struct {
		merchant            string
		reported, corrected time.Time
	}
	reports := map[string]*report{}
	tiers := map[string]string{}
	changes := map[string]int{}
	const days = 100
	// Outages delay labels, not the rating: so the labels of the coming days are read ahead.
	for day := range days + 12 {
		truths, err := w.Oracle(day)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range mustDay(t, w, day) {
			switch {
			case e.Stream == streamPayments:
				fact := truths[i].Fact.(PaymentTruth)
				merchantOf[fact.TransactionID] = fact.MerchantID
			case e.Type == "label.reported":
				reports[e.Key] = &report{merchantOf[e.Key], e.OccurredAt, time.Time{}}
			case e.Type == "label.corrected":
				reports[e.Key].corrected = e.OccurredAt
			}
		}
	}
	rank := []string{"low", "medium", "high"}
	for day := range days {
		monday := sim.DayStart(w.cfg.Epoch, day)
		for _, e := range mustDay(t, w, day) {
			if e.Stream != streamMerchants {
				continue
			}
			var p profile
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				t.Fatal(err)
			}
			if day > 0 && tiers[e.Key] == p.Profile.RiskTier {
				t.Errorf("day %d: %s comes again with the same tier", day, e.Key)
			}
			if day > 0 && (!p.ValidFrom.Equal(monday) || monday.Weekday() != time.Monday) {
				t.Errorf("day %d: %s is rated at %v, which is no Monday midnight", day, e.Key, p.ValidFrom)
			}
			tiers[e.Key] = p.Profile.RiskTier
			changes[p.Profile.RiskTier]++
		}
		if monday.Weekday() != time.Monday {
			continue
		}
		counts := map[string]int{}
		for _, r := range reports {
			if !r.reported.Before(monday.AddDate(0, 0, -28)) && r.reported.Before(monday) && (r.corrected.IsZero() || !r.corrected.Before(monday)) {
				counts[r.merchant]++
			}
		}
		for m, tier := range tiers {
			want := 0
			if counts[m] >= w.cfg.RiskTiers.High {
				want = 2
			} else if counts[m] >= w.cfg.RiskTiers.Medium {
				want = 1
			}
			if tier != rank[want] {
				t.Fatalf("day %d: %s is rated %s with %d reports, want %s", day, m, tier, counts[m], rank[want])
			}
		}
	}
	if changes["medium"] < 10 || changes["high"] < 3 {
		t.Errorf("hardly any rating changed: %v", changes)
	}
}

func TestProfilesAtTheEpochAndAfter(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, func(c *Config) { small(c); c.Timetable[4].Count = 150; c.Customers.MoveProbability = 0.02 })
	kinds := map[string]int{}
	firstSeen, known := map[string]time.Time{}, map[string]time.Time{}
	signed := map[string]time.Time{}
	moves, lateMoves, newcomers, students := 0, 0, map[int]int{}, 0
	for b, err := range sim.Days(w, 0, 190, 2) {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range b.Events {
			if e.Stream == streamPayments {
				if at, ok := firstSeen[e.Key]; !ok || e.OccurredAt.Before(at) {
					firstSeen[e.Key] = e.OccurredAt
				}
			}
			if e.Type != "profile.upserted" {
				continue
			}
			var p profile
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				t.Fatalf("%v in %s", err, e.Payload)
			}
			if b.Day == 0 && e.ArrivesAt.Equal(w.cfg.Epoch) {
				kinds[e.Stream]++
			}
			if e.Stream != streamCustomers {
				continue
			}
			if _, ok := known[e.Key]; !ok {
				known[e.Key], signed[e.Key] = e.ArrivesAt, p.ValidFrom
				if day := sim.DayOf(w.cfg.Epoch, p.ValidFrom); day >= 0 {
					newcomers[day]++
					if day == 155 && p.Profile.Segment == "student" {
						students++
					}
				}
				if !p.ValidFrom.Equal(p.Profile.SignedUp) {
					t.Errorf("%s is valid from %v, signed up %v", e.Key, p.ValidFrom, p.Profile.SignedUp)
				}
			} else {
				moves++
				if e.ArrivesAt.Sub(e.OccurredAt) > 2*time.Minute {
					lateMoves++
				}
			}
		}
	}
	if kinds[streamCustomers] != 100 || kinds[streamMerchants] != 300 || kinds[streamZips] != 100 {
		t.Errorf("profiles at the epoch: %v", kinds)
	}
	// About 100 customers at first and 600 at the end move with probability 1/50 a day.
	if moves < 700 || moves > 1200 || lateMoves < moves/10 || lateMoves > moves/3 {
		t.Errorf("%d moves, %d of them late", moves, lateMoves)
	}
	for day := 60; day < 157; day++ { // a late profile can take a month
		want := 3
		if day == 155 {
			want = 153
		}
		if newcomers[day] != want {
			t.Errorf("%d newcomers on day %d, want %d", newcomers[day], day, want)
		}
	}
	if students < 150 {
		t.Errorf("%d students on day 155, want 150 or more", students)
	}
	late, total := 0, 0
	for id, at := range signed {
		first, paid := firstSeen[id]
		if at.Before(w.cfg.Epoch) || !paid {
			continue
		}
		total++
		if first.Before(at) {
			t.Errorf("%s pays at %v, before signing up at %v", id, first, at)
		}
		if wait := known[id].Sub(first); wait > 30*time.Second {
			late++
			if wait > 24*time.Hour+time.Minute {
				t.Errorf("the profile of %s comes %v after the first payment", id, wait)
			}
		}
	}
	if late < total/10 || late > total/3 {
		t.Errorf("%d of %d newcomers have a late profile, want about a fifth", late, total)
	}
}
