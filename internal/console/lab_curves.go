package console

import (
	"fmt"
	"slices"
	"time"
)

// curves draws AUC, coverage and drift over the last days, with the incidents marked.
func (v *labView) curves(days int) {
	from := v.Epoch
	for _, s := range v.Scores {
		if from.Equal(v.Epoch) || s.AsOf.Before(from) {
			from = s.AsOf
		}
	}
	if days > 0 && v.Now.Add(-time.Duration(days)*24*time.Hour).After(from) {
		from = v.Now.Add(-time.Duration(days) * 24 * time.Hour)
	}
	to := v.Now
	if to.Sub(from) < 24*time.Hour {
		to = from.Add(24 * time.Hour)
	}
	base := drawing{from: from, to: to, kind: "plain", day: func(t time.Time) string { return fmt.Sprintf("day %d", int(t.Sub(v.Epoch).Hours()/24)) },
		epoch: v.Epoch, gap: 3 * 24 * time.Hour, empty: "The curve begins when the first model has been evaluated."}
	for _, x := range slices.Concat(v.Incidents, v.Injected) {
		if !x.From.Before(from) && x.From.Before(to) {
			base.marks = append(base.marks, Mark{int(100 * x.From.Sub(from) / to.Sub(from)), len(base.marks) + 1, x.Title})
		}
	}
	matured := curve{name: "champion, matured labels", class: "c-in", low: []float64{}, high: []float64{}}
	early := curve{name: "champion, provisional", class: "c-lag"}
	coverage := curve{name: "frauds of the last 7 days that are known, estimated", class: "c-out", filled: true}
	others := map[string]*curve{}
	var names []string
	// Where the champion has changed, a window has scores of two of them: the one that scored more of it counts.
	type window struct {
		at      int64
		matured bool
	}
	most := map[window]int{}
	for _, s := range v.Scores {
		if w := (window{s.AsOf.Unix(), s.Matured}); s.Role == "champion" {
			most[w] = max(most[w], s.N)
		}
	}
	for _, s := range v.Scores {
		if s.AsOf.Before(from) {
			continue
		}
		champion := s.Role == "champion"
		if w := (window{s.AsOf.Unix(), s.Matured}); champion && most[w] != s.N {
			continue
		} else if champion {
			most[w] = -1 // once
		}
		switch {
		case champion && s.Matured:
			matured.at, matured.value = append(matured.at, s.AsOf), append(matured.value, s.Measure)
			matured.low, matured.high = append(matured.low, s.Low), append(matured.high, s.High)
		case champion:
			early.at, early.value = append(early.at, s.AsOf), append(early.value, s.Measure)
			coverage.at, coverage.value = append(coverage.at, s.AsOf), append(coverage.value, 100*s.Coverage)
		case s.Matured:
			name := fmt.Sprintf("%s %d", s.Model, s.Version)
			k := others[name]
			if k == nil {
				k = &curve{name: name + ", " + s.Role, class: []string{"c-out", "c-age", "c-other"}[len(names)%3]}
				others[name], names = k, append(names, name)
			}
			k.at, k.value = append(k.at, s.AsOf), append(k.value, s.Measure)
		}
	}
	g := base
	g.label = v.Metric() + " over scenario time, in windows of 7 days"
	g.write, g.bottom, g.least, g.step = func(f float64) string { return fmt.Sprintf("%.2f", f) }, 0.5, 1, 0.1
	if v.Amount {
		g.write, g.bottom, g.least, g.step = v.Text, 0, 0.1, 0
	}
	lines := []curve{matured, early}
	for _, name := range names[max(len(names)-3, 0):] {
		lines = append(lines, *others[name])
	}
	v.Curve = g.draw(lines...)
	base.brief = true
	g = base
	g.label, g.write, g.least = "Label coverage over scenario time, in percent", func(f float64) string { return fmt.Sprintf("%.0f %%", f) }, 60
	v.Coverage = g.draw(coverage)

	g = base
	g.label, g.write, g.least = "Drift (PSI) of the features that drift most over scenario time", func(f float64) string { return fmt.Sprintf("%.2f", f) }, 0.3
	var drift []curve
	for i, f := range v.Features[:min(len(v.Features), 4)] {
		k := curve{name: f.Feature, class: []string{"c-in", "c-lag", "c-out", "c-age"}[i]}
		for _, d := range v.Drift {
			if d.Feature == f.Feature && !d.AsOf.Before(from) {
				k.at, k.value = append(k.at, d.AsOf), append(k.value, d.PSI)
			}
		}
		drift = append(drift, k)
	}
	v.PSI = g.draw(drift...)
}
