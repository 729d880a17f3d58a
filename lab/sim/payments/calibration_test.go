package payments

import (
	"flag"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah/lab/sim"
)

var long = flag.Bool("long", false, "calibrate over ten seeds and print the tables of CALIBRATION.md")

// measured is what one seed shows over its first 180 days.
type measured struct {
	seed        uint64
	days        int
	payments    int
	frauds      [5]int
	delays      []float64 // days
	unreported  int
	false_      int
	quarantined []int // by day
	dirt        sim.Tally
	coverage7   float64 // mean share of the last 7 days' frauds that is known
	train, test int     // known positives of the first training: days 16 to 39 and 39 to 46, as known on day 60
}

func measure(t *testing.T, seed uint64, days int) measured {
	t.Helper()
	w := newWorld(t, seed)
	m := measured{seed: seed, days: days}
	type fraud struct{ at, known int64 }
	var frauds []fraud
	for day := range days {
		for _, p := range w.facts.get(day).payments {
			m.payments++
			m.frauds[p.kind]++
			if p.kind == honest {
				if _, ok := w.report(&p); ok {
					m.false_++
				}
				continue
			}
			r, ok := w.report(&p)
			if !ok {
				m.unreported++
				frauds = append(frauds, fraud{p.at, 1 << 62})
				continue
			}
			m.delays = append(m.delays, float64(r.reported-p.at)/dayMS)
			frauds = append(frauds, fraud{p.at, r.reported})
		}
		truths, err := w.Oracle(day)
		if err != nil {
			t.Fatal(err)
		}
		m.dirt.Add(truths)
		n := 0
		for i := range truths {
			if truths[i].Outcome == sim.Quarantined {
				n++
			}
		}
		m.quarantined = append(m.quarantined, n)
	}
	for _, f := range frauds {
		if f.known >= 60*dayMS {
			continue
		}
		switch day := f.at / dayMS; {
		case day >= 16 && day < 39:
			m.train++
		case day >= 39 && day < 46:
			m.test++
		}
	}
	slices.Sort(m.delays)
	samples := 0
	for day := 14; day < days; day++ {
		known, all := 0, 0
		for _, f := range frauds {
			if f.at >= int64(day-7)*dayMS && f.at < int64(day)*dayMS {
				all++
				if f.known < int64(day)*dayMS {
					known++
				}
			}
		}
		if all > 0 {
			m.coverage7 += float64(known) / float64(all)
			samples++
		}
	}
	m.coverage7 /= float64(samples)
	return m
}

func (m *measured) total() int { return m.payments - m.frauds[honest] }
func (m *measured) kindA() int { return m.frauds[stolenCard] + m.frauds[cardTesting] }
func (m *measured) rate() float64 {
	return float64(m.total()) / float64(m.payments)
}
func (m *measured) share(n int) float64 { return float64(n) / float64(m.total()) }
func (m *measured) reportedBy(days float64) float64 {
	n, _ := slices.BinarySearch(m.delays, days)
	return float64(n) / float64(len(m.delays))
}

// The rates of the scenario, within bands that hold for every seed; with -long over ten seeds, and printed.
func TestCalibration(t *testing.T) {
	seeds, days := []uint64{42}, 60
	if *long {
		seeds, days = []uint64{42, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 180
	}
	var all []measured
	var sum measured
	for _, seed := range seeds {
		m := measure(t, seed, days)
		all = append(all, m)
		sum.payments += m.payments
		for k := range sum.frauds {
			sum.frauds[k] += m.frauds[k]
		}
		sum.delays = append(sum.delays, m.delays...)
		sum.unreported += m.unreported
		check := func(name string, got, low, high float64) {
			t.Helper()
			if got < low || got > high {
				t.Errorf("seed %d: %s is %.4f, want %v to %v", m.seed, name, got, low, high)
			}
		}
		check("fraud rate", m.rate(), 0.0065, 0.0145)
		check("share of A", m.share(m.kindA()), 0.25, 0.60)
		check("share of B", m.share(m.frauds[badMerchant]), 0.33, 0.70)
		check("share of C", m.share(m.frauds[nightPurchase]), 0.02, 0.10)
		check("coverage of the last 7 days", m.coverage7, 0.20, 0.40)
		check("median delay", m.delays[len(m.delays)/2], 4.5, 5.6)
		quarantined := 0
		for _, n := range m.quarantined {
			quarantined += n
		}
		check("quarantined share", float64(quarantined)/float64(m.payments), 0.0011, 0.0024)
		check("unreported frauds", m.share(m.unreported), 0.015, 0.05)
		check("false reports", float64(m.false_)/float64(m.frauds[honest]), 0.0002, 0.0007)
	}
	slices.Sort(sum.delays)
	if *long {
		printCalibration(t, all, &sum)
	}
}

func printCalibration(t *testing.T, all []measured, sum *measured) {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("\n| seed | payments | frauds a day | rate | A | B | C | unreported | false reports | quarantined a day: mean, least, most | coverage 7 d | first training: known positives |")
	p("|---|---|---|---|---|---|---|---|---|---|---|---|")
	for i := range all {
		m := &all[i]
		n := 0
		for _, q := range m.quarantined {
			n += q
		}
		p("| %d | %d | %.1f | %.2f %% | %.0f %% | %.0f %% | %.0f %% | %.1f %% | 1 in %d | %.2f, %d, %d | %.0f %% | %d train, %d test |", m.seed, m.payments,
			float64(m.total())/float64(m.days), m.rate()*100, m.share(m.kindA())*100, m.share(m.frauds[badMerchant])*100,
			m.share(m.frauds[nightPurchase])*100, m.share(m.unreported)*100, m.frauds[honest]/max(1, m.false_),
			float64(n)/float64(m.days), slices.Min(m.quarantined), slices.Max(m.quarantined), m.coverage7*100, m.train, m.test)
	}
	p("| all | %d | %.1f | %.2f %% | %.0f %% | %.0f %% | %.0f %% | %.1f %% | | | | |", sum.payments,
		float64(sum.total())/float64(len(all)*all[0].days), sum.rate()*100, sum.share(sum.kindA())*100,
		sum.share(sum.frauds[badMerchant])*100, sum.share(sum.frauds[nightPurchase])*100, sum.share(sum.unreported)*100)
	p("\n| reported after | 3 d | 5 d | 7 d | 14 d | 21 d | 30 d |\n|---|---|---|---|---|---|---|")
	p("| share | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.1f %% | %.1f %% |", sum.reportedBy(3)*100, sum.reportedBy(5)*100,
		sum.reportedBy(7)*100, sum.reportedBy(14)*100, sum.reportedBy(21)*100, sum.reportedBy(30)*100)
	p("\n| seed 42, 180 days | count |\n|---|---|")
	for _, d := range []string{dirtAmountText, dirtChannelMissing, dirtLocalOffset, dirtExtraField, dirtNoZone, dirtUnknownMerchant,
		dirtNegativeAmount, dirtUnparsable, dirtOutOfOrder, dirtDuplicate} {
		p("| %s | %d |", d, all[0].dirt.Dirt[d])
	}
	p("| quarantined | %d |", all[0].dirt.Outcomes[sim.Quarantined])
	for _, e := range []string{"payment.authorized", "label.reported", "label.corrected", "profile.upserted"} {
		p("| %s | %d |", e, all[0].dirt.Types[e])
	}
	b.WriteString(prehistoryCost(t))
	t.Log(b.String())
}

// prehistoryCost measures 60 days from nothing, on one goroutine and on two.
func prehistoryCost(t *testing.T) string {
	var b strings.Builder
	b.WriteString("\n| prehistory of 60 days | events | wall time | memory allocated | heap afterwards |\n|---|---|---|---|---|\n")
	for _, workers := range []int{1, 2} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start, n := time.Now(), 0
		w := newWorld(t, 42)
		for batch, err := range sim.Days(w, 0, 60, workers) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(batch.Events)
		}
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		allocated := float64(after.TotalAlloc-before.TotalAlloc) / (1 << 20)
		runtime.GC()
		runtime.ReadMemStats(&after)
		heap := math.Max(0, float64(after.HeapAlloc)-float64(before.HeapAlloc)) / (1 << 20)
		fmt.Fprintf(&b, "| %d goroutines | %d | %.2f s | %.0f MiB | %.1f MiB |\n", workers, n, took.Seconds(), allocated, heap)
		runtime.KeepAlive(w)
	}
	return b.String()
}
