package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A Line is one figure, and what it is measured against.
type Line struct {
	Measurement string  `json:"measurement"`
	Case        string  `json:"case"`
	Value       float64 `json:"value"` // median of the rounds
	Unit        string  `json:"unit"`
	Against     string  `json:"against,omitempty"`
	Other       float64 `json:"other,omitempty"` // its median
	Ratio       float64 `json:"ratio,omitempty"` // median of the rounds' ratios value / other
	Target      string  `json:"target,omitempty"`
	Met         *bool   `json:"met,omitempty"`
}

// A Report is what a run found.
type Report struct {
	PostgreSQL string  `json:"postgresql"`
	Durable    bool    `json:"durable"` // fsync and synchronous_commit are on
	Quick      bool    `json:"quick"`
	Round      float64 `json:"round_seconds"`
	Rounds     int     `json:"rounds"`
	Rows       int     `json:"rows"`
	Lines      []Line  `json:"lines"`
}

// A target is a bound on a ratio or, where there is none, on the value.
type target struct {
	bound float64
	most  bool // at most; otherwise at least
}

func atLeast(v float64) *target { return &target{bound: v} }
func atMost(v float64) *target  { return &target{bound: v, most: true} }

func (t *target) met(v float64) bool {
	if t.most {
		return v <= t.bound
	}
	return v >= t.bound
}

func (t *target) String() string {
	if t.most {
		return fmt.Sprintf("<= %g", t.bound)
	}
	return fmt.Sprintf(">= %g", t.bound)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// value adds a line without a comparison.
func (b *bench) value(measurement, what, unit string, v []float64, t *target) {
	b.add(Line{Measurement: measurement, Case: what, Unit: unit, Value: median(v)}, t, median(v))
}

// compare adds a line with the ratio of two series of the same rounds.
func (b *bench) compare(measurement, what, unit string, v []float64, against string, other []float64, t *target) {
	ratios := make([]float64, len(v))
	for i := range v {
		if other[i] != 0 {
			ratios[i] = v[i] / other[i]
		}
	}
	b.add(Line{Measurement: measurement, Case: what, Unit: unit, Value: median(v), Against: against, Other: median(other), Ratio: median(ratios)},
		t, median(ratios))
}

func (b *bench) add(l Line, t *target, v float64) {
	if t != nil {
		met := t.met(v)
		l.Target, l.Met = t.String(), &met
	}
	b.report.Lines = append(b.report.Lines, l)
	if b.o.Report != nil {
		b.o.Report(l)
	}
}

// Table writes the report for people.
func (r *Report) Table(w io.Writer) error {
	version, _, _ := strings.Cut(r.PostgreSQL, " on ")
	durable := "durable"
	if !r.Durable {
		durable = "NOT DURABLE (fsync or synchronous_commit is off)"
	}
	if _, err := fmt.Fprintf(w, "%s, %s, %d rounds of %g s; only ratios can be compared between runs\n\n", version, durable, r.Rounds, r.Round); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "MEASUREMENT\tCASE\tHOWDAH\tAGAINST\t\tRATIO\tTARGET\t")
	last := ""
	for _, l := range r.Lines {
		name := l.Measurement
		if name == last {
			name = ""
		}
		last = l.Measurement
		other, ratio, met := "", "", ""
		if l.Against != "" {
			other, ratio = number(l.Other), fmt.Sprintf("%.2f", l.Ratio)
		}
		if l.Met != nil {
			met = map[bool]string{true: "ok", false: "MISSED"}[*l.Met]
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", name, l.Case, number(l.Value), l.Unit, l.Against, other, ratio, l.Target, met)
	}
	return t.Flush()
}

// number writes three digits or so.
func number(v float64) string {
	switch {
	case v >= 1e5:
		return fmt.Sprintf("%.0fk", v/1e3)
	case v >= 1e4:
		return fmt.Sprintf("%.1fk", v/1e3)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
