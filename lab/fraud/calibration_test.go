package fraud

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/metric"
	"github.com/howdah/howdah/lab/model"
	"github.com/howdah/howdah/lab/sim"
	"github.com/howdah/howdah/lab/sim/payments"
)

var long = flag.Bool("long", false, "run the long versions")

// replayed is a world that was cleaned and joined in memory.
type replayed struct {
	facts    *Facts
	payments []Payment
	rows     *feature.Table
	truth    map[string]payments.PaymentTruth
	labels   map[string][]Label
	epoch    MS
}

func (r *replayed) day(d int) MS { return r.epoch + MS(d)*Day }

// replay cleans and joins the days before until, in order of arrival.
func replay(t testing.TB, seed uint64, until int) *replayed {
	t.Helper()
	cfg, err := payments.Default()
	if err != nil {
		t.Fatal(err)
	}
	w, err := payments.New(cfg, seed)
	if err != nil {
		t.Fatal(err)
	}
	r := &replayed{facts: NewFacts(), truth: map[string]payments.PaymentTruth{}, labels: map[string][]Label{}, epoch: ToMS(w.Info().Epoch)}
	seen := map[[16]byte]bool{}
	for b, err := range sim.Days(w, 0, until, 2) {
		if err != nil {
			t.Fatal(err)
		}
		truths, err := w.Oracle(b.Day)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range b.Events {
			known := ToMS(e.ArrivesAt)
			if fact, ok := truths[i].Fact.(payments.PaymentTruth); ok {
				r.truth[fact.TransactionID] = fact
			}
			switch {
			case seen[e.ID]:
			case e.Stream == "payments":
				p, _, err := ParsePayment(e.Payload, known)
				if err != nil || !r.facts.KnowsMerchant(p.Merchant, known) {
					break
				}
				r.payments = append(r.payments, p)
				r.facts.AddPayment(&p)
			case e.Stream == "labels":
				l, err := ParseLabel(e.Payload, known)
				if err != nil {
					t.Fatal(err)
				}
				r.labels[l.Payment] = append(r.labels[l.Payment], l.Label)
				r.facts.AddLabel(l.Label)
			default:
				id := map[string]string{"customers": "customer_id", "merchants": "merchant_id", "zips": "zip"}[e.Stream]
				p, err := ParseProfile(e.Payload, id)
				if err != nil {
					t.Fatal(err)
				}
				if err := r.facts.AddProfile(e.Stream, p.Key, p.ValidFrom, known, p.Doc); err != nil {
					t.Fatal(err)
				}
			}
			seen[e.ID] = true
		}
	}
	r.rows = feature.NewTable(View(), len(r.payments))
	for i := range r.payments {
		r.rows.Append(r.facts.Compute(&r.payments[i]))
	}
	return r
}

func (r *replayed) leak(sight Sight) *feature.Table {
	t := feature.NewTable(View(), len(r.payments))
	for i := range r.payments {
		t.Append(r.facts.ComputeWith(&r.payments[i], sight))
	}
	return t
}

// label is the state of a payment's label as known before k; honest where nothing is known.
func (r *replayed) label(id string, k MS) bool {
	is, at := false, MS(0)
	for _, l := range r.labels[id] {
		if l.Known < k && l.Known >= at {
			is, at = l.Fraud, l.Known
		}
	}
	return is
}

// selectRows are the payments that occurred in [from, until) with their labels as known before k.
func (r *replayed) selectRows(t *feature.Table, from, until, k MS) (rows *feature.Table, y []float64, positive []bool, ids []string) {
	rows = feature.NewTable(View(), 0)
	for i := range r.payments {
		p := &r.payments[i]
		if p.At < from || p.At >= until || p.Known >= k {
			continue
		}
		rows.Append(t.Row(i))
		is := r.label(p.ID, k)
		positive = append(positive, is)
		y = append(y, flagOf(is))
		ids = append(ids, p.ID)
	}
	return rows, y, positive, ids
}

func flagOf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func fit(t testing.TB, spec model.Spec, rows *feature.Table, y []float64) *model.Model {
	t.Helper()
	m, err := model.Fit(spec, rows, y)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Prints the table of lab/CALIBRATION.md, and holds the bands for seed 42, with -long for three seeds.
func TestCalibration(t *testing.T) {
	if testing.Short() {
		t.Skip("replays 125 days")
	}
	seeds := []uint64{42}
	if *long {
		seeds = []uint64{42, 1, 7}
	}
	var out strings.Builder
	for _, seed := range seeds {
		r := replay(t, seed, 125)
		forever := r.day(1000)
		auc := func(m *model.Model, rows *feature.Table, from, until int, k MS) (metric.Estimate, float64) {
			x, _, positive, _ := r.selectRows(rows, r.day(from), r.day(until), k)
			s := m.Scores(x)
			return metric.AUC(s, positive), metric.AveragePrecision(s, positive)
		}
		measured := map[string]float64{}
		line := func(name string, e metric.Estimate, ap float64) {
			measured[name] = e.Value
			fmt.Fprintf(&out, "| %d | %s | %.3f | %.3f to %.3f | %.2f |\n", seed, name, e.Value, e.Low, e.High, ap)
		}
		now := r.day(60)
		var lr *model.Model
		for _, spec := range Specs() {
			x, y, _, _ := r.selectRows(r.rows, r.day(16), r.day(39), now)
			m := fit(t, spec, x, y)
			test, testAP := auc(m, r.rows, 39, 46, now)
			line(spec.Name+", test days 39 to 45", test, testAP)
			live, liveAP := auc(m, r.rows, 60, 80, forever)
			line(spec.Name+", live days 60 to 79", live, liveAP)
			if spec.Name == "lr" {
				lr = m
			}
		}
		after, ap := auc(lr, r.rows, 82, 101, forever)
		line("lr, after the drift, days 82 to 100", after, ap)
		x, y, _, _ := r.selectRows(r.rows, r.day(64), r.day(94), r.day(108)) // what the policy "wait" allows on day 108
		again, ap := auc(fit(t, Specs()[1], x, y), r.rows, 108, 121, forever)
		line("lr, retrained on day 108", again, ap)
		for name, sight := range map[string]Sight{"latest tier": LatestTier, "labels not cut": LabelsNotCut} {
			leaky := r.leak(sight)
			x, y, _, _ := r.selectRows(leaky, r.day(16), r.day(39), now)
			m := fit(t, Specs()[1], x, y)
			e, ap := auc(m, leaky, 39, 46, now)
			line("leaky ("+name+"), offline", e, ap)
			e, ap = auc(m, r.rows, 60, 80, forever)
			line("leaky ("+name+"), online", e, ap)
		}
		hold := func(what string, got, low, high float64) {
			t.Helper()
			if !(got >= low && got <= high) {
				t.Errorf("seed %d: %s is %.3f, want %.3f to %.3f", seed, what, got, low, high)
			}
		}
		hold("baseline offline", measured["baseline, test days 39 to 45"], 0.60, 0.75)
		hold("baseline online", measured["baseline, live days 60 to 79"], 0.63, 0.80)
		hold("lr offline", measured["lr, test days 39 to 45"], 0.86, 0.94)
		hold("lr online", measured["lr, live days 60 to 79"], 0.88, 0.94)
		hold("fall at the drift", measured["lr, live days 60 to 79"]-measured["lr, after the drift, days 82 to 100"], 0.10, 0.25)
		hold("gain of retraining", measured["lr, retrained on day 108"]-measured["lr, after the drift, days 82 to 100"], 0.04, 0.25)
		hold("uncut labels offline", measured["leaky (labels not cut), offline"], 0.93, 1)
		hold("uncut labels, offline minus online", measured["leaky (labels not cut), offline"]-measured["leaky (labels not cut), online"], 0.04, 0.2)
		hold("latest tier, offline minus lr", measured["leaky (latest tier), offline"]-measured["lr, test days 39 to 45"], -0.02, 0.03)
	}
	t.Log("\n" + out.String())
}
