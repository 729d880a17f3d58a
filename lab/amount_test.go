package lab_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/sales"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/sim"
)

// The lab's parts need no change for a scenario whose target is an amount: it trains, the drift shows as an error that has
// grown, the alert retrains, and the new version wins on the same facts and takes over.
func TestScenarioWithAnAmount(t *testing.T) {
	if testing.Short() {
		t.Skip("plays 24 days of a very small world")
	}
	db, err := howdah.Open(t.Context(), testdb.New(t), howdah.WithMaxConns(40))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	l, err := lab.Open(t.Context(), lab.Config{DB: db, Scenario: sales.Scenario{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if err := l.Run(t.Context(), lab.RunOptions{Until: 24, Fast: true}); err != nil {
		t.Fatal(err)
	}
	r, err := l.Report(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Oracle {
		if !o.Equal {
			t.Errorf("%s: %d, the oracle says %d", o.What, o.Got, o.Want)
		}
	}
	if n := r.Labels["sale: yes"]; n != 24*sales.ADay {
		t.Errorf("%d sales have said their price, want %d", n, 24*sales.ADay)
	}
	if len(r.Datasets) == 0 || r.Datasets[0].Rows != 6*sales.ADay {
		t.Errorf("datasets %+v", r.Datasets)
	}
	errorOn := func(day, version int) float64 {
		for _, e := range r.Evaluations {
			if e.Model == "price" && e.Version == version && e.Labels == lab.Provisional && e.AsOf.Equal(sim.DayStart(sales.Epoch, day)) && e.MAPE != nil {
				return *e.MAPE
			}
		}
		return math.NaN()
	}
	if before, after := errorOn(sales.Drift, 1), errorOn(sales.Drift+6, 1); !(before < 0.05) || !(after > 0.3) {
		t.Errorf("the error of version 1 is %.3f before the drift and %.3f after", before, after)
	}
	var fired []string
	for _, a := range r.Alerts {
		fired = append(fired, a.Name+" "+a.Subject)
	}
	champion := r.Aliases[len(r.Aliases)-1]
	for _, m := range r.Aliases {
		if m.Alias == lab.Champion {
			champion = m
		}
	}
	if fmt.Sprint(fired[:1]) != "[performance price/1]" || champion.Version < 2 || champion.By != "promote" {
		t.Errorf("alerts %v, the last champion %+v, runs %+v", fired, champion, r.Runs)
	}
	s, err := l.Status(t.Context())
	if err != nil || len(s.Models) == 0 || s.Models[0].OfflineMAPE == nil || s.Models[0].Provisional == nil {
		t.Errorf("status %+v (%v)", s, err)
	}
	instance := json.RawMessage(`{"house": "H1", "size": 100, "zone": "north"}`)
	answers, err := l.Predict(t.Context(), "price", "", []json.RawMessage{instance})
	if err != nil || len(answers) != 1 || answers[0].Version != champion.Version || answers[0].Score < 100_000 {
		t.Errorf("a house of 100 in the north is worth %+v (%v)", answers, err)
	}
}
