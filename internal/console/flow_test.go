package console

import (
	"math"
	"testing"
	"time"

	"github.com/howdah/howdah"
)

// Where events have no time of arrival, the page does not take an age that it does not know for none.
func TestStatesWithoutTimes(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	idle := []howdah.Finding{{Kind: "consumers", Name: "worker"}, {Kind: "consumers", Name: "other"}}
	old, young := 90.0, 1.0
	row := func(lag int64, age *float64, change func(*ConsumerRow)) ConsumerRow {
		r := ConsumerRow{ConsumerInfo: howdah.ConsumerInfo{Consumer: "worker", Topic: "raw", Lag: lag, Waiting: lag, LagSeconds: age}}
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, c := range []struct {
		name     string
		row      ConsumerRow
		problems []howdah.Finding
		want     string
	}{
		{"nothing waits", row(0, nil, nil), nil, "up to date"},
		{"nobody has claimed for a minute", row(10, nil, nil), idle, "no worker"},
		{"retries", row(10, nil, func(r *ConsumerRow) { r.Pending, r.Waiting = 10, 0 }), idle, "retrying"},
		{"somebody claims again", row(10, nil, func(r *ConsumerRow) { r.InFlight = 5 }), idle, "working"},
		{"nobody, for less than a minute", row(10, nil, nil), nil, "behind"},
		{"as much as comes in, of the last second", row(100, nil, func(r *ConsumerRow) { r.In, r.Out = 100, 100 }), nil, "keeping up"},
		{"as much as comes in, far behind", row(100000, nil, func(r *ConsumerRow) { r.In, r.Out = 100, 100 }), nil, "falling behind"},
		{"a new event", row(1, nil, func(r *ConsumerRow) { r.Since, r.Watched = now.Add(-2*time.Second), true }), nil, "keeping up"},
		{"there before the page was", row(1, nil, func(r *ConsumerRow) { r.Since = now.Add(-2 * time.Second) }), nil, "behind"},
		{"with times: old", row(10, &old, nil), idle, "no worker"},
		{"with times: young", row(10, &young, nil), nil, "keeping up"},
	} {
		c.row.judge(c.problems, now)
		if c.row.Word != c.want {
			t.Errorf("%s: %s, not %s", c.name, c.row.Word, c.want)
		}
	}
}

// The curve of an age has a gap where the age is not known.
func TestCurveOfUnknownAge(t *testing.T) {
	s := newSampler(nil, nil)
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	none, some := 0.0, 3.0
	for i, age := range []*float64{&none, &some, nil, nil, &none, &some} {
		s.remember(howdah.Figures{At: now.Add(time.Duration(i) * time.Second), Consumers: []howdah.ConsumerInfo{{Consumer: "worker", LagSeconds: age}}})
	}
	_, age := lagCurves(s.consumers["worker"], spanOf("now"), now.Add(6*time.Second))
	for i, unknown := range []bool{false, false, true, true, false, false} {
		if math.IsNaN(age.value[i]) != unknown {
			t.Errorf("point %d is %v", i, age.value[i])
		}
	}
}
