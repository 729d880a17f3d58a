package payments

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/howdah/howdah/lab/sim"
)

func newWorld(t testing.TB, seed uint64) *World {
	t.Helper()
	return newWorldWith(t, seed, func(*Config) {})
}

func newWorldWith(t testing.TB, seed uint64, change func(*Config)) *World {
	t.Helper()
	cfg, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	change(&cfg)
	w, err := New(cfg, seed)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// small makes a world of a tenth of the size, for tests that need many days.
func small(c *Config) {
	c.Customers.Count, c.Merchants.Count, c.Merchants.Online = 100, 300, 20
	c.Fraud.StolenCard.PerDay, c.Fraud.BadMerchant.PerDay = 0.3, 0.2
	c.Timetable[4].Count = 15
}

func mustDay(t testing.TB, w sim.World, day int) []sim.Event {
	t.Helper()
	events, err := w.Day(day)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// printSeed draws a seed for a property test and prints it.
func printSeed(t *testing.T) (uint64, *rand.Rand) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seed, rand.New(rand.NewPCG(seed, 0))
}

// Every day of a run, in order, by one goroutine.
func hashes(t testing.TB, w sim.World, until int) []string {
	t.Helper()
	var list []string
	for b, err := range sim.Days(w, 0, until, 1) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, sim.Hash(b.Events))
	}
	return list
}

func TestADayAloneIsTheDayOfARun(t *testing.T) {
	seed, r := printSeed(t)
	want := hashes(t, newWorldWith(t, seed, small), 180)
	for _, day := range append(r.Perm(180)[:8], 0, 67, 72, 155, 165) {
		if got := sim.Hash(mustDay(t, newWorldWith(t, seed, small), day)); got != want[day] {
			t.Errorf("day %d alone differs from day %d of a run", day, day)
		}
	}
	if other := hashes(t, newWorldWith(t, seed+1, small), 3); slices.Equal(other, want[:3]) {
		t.Error("another seed makes the same events")
	}
}

func TestParallelProductionMakesTheSameDays(t *testing.T) {
	seed, _ := printSeed(t)
	want := hashes(t, newWorldWith(t, seed, small), 100)
	for _, workers := range []int{2, 7} {
		for b, err := range sim.Days(newWorldWith(t, seed, small), 0, 100, workers) {
			if err != nil {
				t.Fatal(err)
			}
			if sim.Hash(b.Events) != want[b.Day] {
				t.Errorf("%d workers: day %d differs", workers, b.Day)
			}
		}
	}
}

// One world serves many goroutines that ask for days in any order, events and truth mixed.
func TestOneWorldServesManyGoroutines(t *testing.T) {
	seed, r := printSeed(t)
	want := hashes(t, newWorldWith(t, seed, small), 170)
	w := newWorldWith(t, seed, small)
	var wg sync.WaitGroup
	for range 4 {
		days := r.Perm(170)[:15]
		wg.Go(func() {
			for _, day := range days {
				events, err := w.Day(day)
				truths, err2 := w.Oracle(day)
				if err != nil || err2 != nil || sim.Hash(events) != want[day] || len(truths) != len(events) {
					t.Errorf("day %d differs (%v, %v)", day, err, err2)
				}
			}
		})
	}
	wg.Wait()
}

func TestARestartedFeedGoesOn(t *testing.T) {
	seed, r := printSeed(t)
	until := sim.DayStart(newWorldWith(t, seed, small).Info().Epoch, 20)
	var want, got []sim.Event
	for b := range sim.Days(newWorldWith(t, seed, small), 0, 20, 1) {
		want = append(want, b.Events...)
	}
	feed := sim.NewFeed(newWorldWith(t, seed, small), sim.Position{})
	for {
		events, err := feed.Take(until, 1+r.IntN(300))
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		got = append(got, events...)
		if r.IntN(4) == 0 { // the process dies and comes back with nothing but the position
			feed = sim.NewFeed(newWorldWith(t, seed, small), feed.Position())
		}
	}
	if sim.Hash(got) != sim.Hash(want) {
		t.Errorf("%d events after restarts differ from the %d of one run", len(got), len(want))
	}
}

// The payments of every customer, made one customer at a time, are the payments of the day.
func TestCustomersAloneMakeTheDay(t *testing.T) {
	seed, r := printSeed(t)
	w, alone := newWorldWith(t, seed, small), newWorldWith(t, seed, small)
	for _, day := range []int{0, 1, 61 + r.IntN(80), 156} {
		from, until := sim.DayStart(w.cfg.Epoch, day), sim.DayStart(w.cfg.Epoch, day+1)
		var want, got []string
		for _, e := range mustDay(t, w, day) {
			if e.Stream == streamPayments {
				want = append(want, e.UUID()+e.ArrivesAt.String()+string(e.Payload))
			}
		}
		for d := max(0, day-1); d <= day; d++ {
			ids := alone.CustomerIDs(d)
			r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
			for _, id := range ids {
				events, err := alone.CustomerDay(id, d)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					if !e.ArrivesAt.Before(from) && e.ArrivesAt.Before(until) {
						got = append(got, e.UUID()+e.ArrivesAt.String()+string(e.Payload))
					}
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("day %d: %d payments from single customers, %d in the day, or not the same", day, len(got), len(want))
		}
	}
	if _, err := w.CustomerDay("nobody", 1); err == nil {
		t.Error("an unknown customer is accepted")
	}
	if _, err := w.Day(-1); err == nil {
		t.Error("a negative day is accepted")
	}
}

func TestDaysAreInOrderOfArrivalAndComplete(t *testing.T) {
	seed, _ := printSeed(t)
	w := newWorldWith(t, seed, small)
	seen := map[string]int{}
	var last time.Time
	for b, err := range sim.Days(w, 0, 120, 2) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Events {
			e := &b.Events[i]
			if e.ArrivesAt.Before(last) || sim.DayOf(w.cfg.Epoch, e.ArrivesAt) != b.Day {
				t.Fatalf("day %d: an event arrives at %v, after one at %v", b.Day, e.ArrivesAt, last)
			}
			if e.ArrivesAt.Before(e.OccurredAt) {
				t.Fatalf("event %s arrives before it occurred", e.UUID())
			}
			if e.Copy != seen[e.UUID()] {
				t.Fatalf("event %s: copy %d after %d deliveries", e.UUID(), e.Copy, seen[e.UUID()])
			}
			seen[e.UUID()]++
			last = e.ArrivesAt
		}
	}
	// Whatever began by day 118 has arrived by the end of day 119.
	for d := range 119 {
		for _, p := range w.facts.get(d).payments {
			id := sim.FormatID(p.key.For("payment event").ID())
			if seen[id] < 1 {
				t.Fatalf("payment %s of day %d never arrived", id, d)
			}
		}
	}
}

func BenchmarkPrehistory(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		n := 0
		for batch, err := range sim.Days(newWorld(b, 42), 0, 60, 1) {
			if err != nil {
				b.Fatal(err)
			}
			n += len(batch.Events)
		}
		b.ReportMetric(float64(n), "events")
	}
}
