package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/howdah/howdah"
)

type labView struct {
	Base
	*LabState
	Champion   *LabVersion
	Online     *LabScore // the champion's latest matured window
	Early      *LabScore // and its latest provisional one
	Curve      Chart     // of the measure
	Coverage   Chart
	PSI        Chart
	Features   []LabDrift // the latest of each, the most drifted first
	Calm       []LabDrift // those that are not shown at once
	Watched    int        // how many features there are
	Major      int        // features beyond 0.25
	Open       []LabAlert
	Past       []LabAlert // resolved, the latest first
	Before     []LabAlert // those that are not shown at once
	Retired    []LabVersion
	Older      []LabDataset
	Former     int // version that was champion before; 0: none
	Upcoming   []LabIncident
	Earlier    []LabMove // beyond those that are shown at once
	Current    []string
	ClockTwins []Twin
	Span       string
}

// So much is shown at once; the rest unfolds.
const (
	movesShown     = 8
	featuresShown  = 8
	resolvedShown  = 6
	resolvedKept   = 40
	versionsAtOnce = 8
	datasetsShown  = 8
)

// Champion says whether a version answers and acts.
func (v LabVersion) Champion() bool { return slices.Contains(v.Aliases, "champion") }

// labSpans are how many days the curves show; 0: all.
var labSpans = map[string]int{"30": 30, "90": 90, "all": 0}

func (c *Console) lab(r *http.Request) (view, error) {
	v := &labView{Base: c.base(r, "Lab")}
	v.Section = "lab"
	state, err := c.lookAtLab(r.Context())
	if errors.Is(err, howdah.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return nil, err
	}
	own := *state // what is cached is not ours to turn round
	own.Moves, own.Versions, own.Datasets, own.Runs = slices.Clone(own.Moves), slices.Clone(own.Versions), slices.Clone(own.Datasets), slices.Clone(own.Runs)
	v.LabState = &own
	v.Span = r.URL.Query().Get("span")
	if _, ok := labSpans[v.Span]; !ok {
		v.Span = "all"
	}
	v.summary()
	v.curves(labSpans[v.Span])
	pause := "pause"
	if v.Paused {
		pause = "resume"
	}
	v.ClockTwins = []Twin{{pause, "howdah lab " + pause}, {pause + ", HTTP", c.post(r, "/v1/lab/clock", map[string]any{"paused": !v.Paused})},
		{"step", "howdah lab step 1h"}, {"step, HTTP", c.post(r, "/v1/lab/clock", map[string]any{"step": "1h"})},
		{"speed", "howdah lab speed 2880"}, {"speed, HTTP", c.post(r, "/v1/lab/clock", map[string]any{"speed": 2880})}}
	return v, nil
}

func (c *Console) lookAtLab(ctx context.Context) (*LabState, error) {
	if c.Lab == nil {
		return nil, fmt.Errorf("no lab is served: %w", howdah.ErrNotFound)
	}
	return cached(&c.cache, "lab", func() (*LabState, error) { return c.Lab.Look(ctx) })
}

// summary picks what is shown first.
func (v *labView) summary() {
	for i := range v.Versions {
		if v.Versions[i].Champion() {
			champion := v.Versions[i]
			v.Champion = &champion
		}
	}
	for i := range v.Scores {
		s := &v.Scores[i]
		if v.Champion == nil || s.Model != v.Champion.Model || s.Version != v.Champion.Version || math.IsNaN(s.Measure) {
			continue
		}
		if s.Matured {
			v.Online = s
		} else {
			v.Early = s
		}
	}
	latest := map[string]LabDrift{}
	for _, d := range v.Drift {
		if !math.IsNaN(d.PSI) {
			latest[d.Feature] = d
		}
	}
	var newest time.Time
	for _, d := range latest {
		if d.AsOf.After(newest) {
			newest = d.AsOf
		}
	}
	for _, d := range latest {
		if d.AsOf.Equal(newest) {
			v.Features = append(v.Features, d)
			if d.PSI > 0.25 {
				v.Major++
			}
		}
	}
	slices.SortFunc(v.Features, func(a, b LabDrift) int {
		if a.PSI != b.PSI {
			return int(math.Copysign(1, b.PSI-a.PSI))
		}
		return strings.Compare(a.Feature, b.Feature)
	})
	v.Watched = len(v.Features)
	v.Features, v.Calm = split(v.Features, featuresShown)
	for _, a := range v.Alerts {
		if a.State == "resolved" {
			v.Past = append(v.Past, a)
		} else {
			v.Open = append(v.Open, a)
		}
	}
	slices.Reverse(v.Past)
	v.Past = v.Past[:min(len(v.Past), resolvedKept)]
	v.Past, v.Before = split(v.Past, resolvedShown)
	for _, i := range slices.Concat(v.Incidents, v.Injected) {
		switch {
		case i.From.After(v.Now):
			v.Upcoming = append(v.Upcoming, i)
		case i.Until.IsZero() || i.Until.After(v.Now):
			v.Current = append(v.Current, i.Title)
		}
	}
	slices.Reverse(v.Moves)
	for _, m := range v.Moves {
		if c := v.Champion; c != nil && v.Former == 0 && m.Alias == "champion" && m.Model == c.Model && m.Version != c.Version {
			v.Former = m.Version
		}
	}
	v.Moves, v.Earlier = split(v.Moves, movesShown)
	slices.SortStableFunc(v.Versions, func(a, b LabVersion) int { // what has an alias first, then the newest
		if n := cmp.Compare(min(len(b.Aliases), 1), min(len(a.Aliases), 1)); n != 0 {
			return n
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	v.Versions, v.Retired = split(v.Versions, versionsAtOnce)
	slices.Reverse(v.Datasets)
	v.Datasets, v.Older = split(v.Datasets, datasetsShown)
	slices.Reverse(v.Runs)
	v.Runs = v.Runs[:min(len(v.Runs), datasetsShown)]
}

// split parts what is shown at once from the rest.
func split[T any](all []T, n int) (shown, rest []T) {
	n = min(n, len(all))
	return all[:n], all[n:]
}

// DatasetURL is where a dataset's file is shown; empty: it has none.
func (v *labView) DatasetURL(number int) string {
	for _, d := range slices.Concat(v.Datasets, v.Older) {
		if d.Dataset == number && d.Object != "" {
			return objectURL(d.Bucket, d.Object, "")
		}
	}
	return ""
}
