package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/howdah/howdah"
)

// Lab is the ML lab of the database, as far as the page shows and moves it. An error that is howdah.ErrNotFound says that
// the database has none.
type Lab interface {
	Look(ctx context.Context) (*LabState, error)
	Pause(ctx context.Context, paused bool) error
	Speed(ctx context.Context, factor float64) error
	Jump(ctx context.Context, day int) error
	Step(ctx context.Context, length time.Duration) error
	Inject(ctx context.Context, fault string, length time.Duration, share float64) error
	Move(ctx context.Context, model, alias string, version int, reason string) error
	Rollback(ctx context.Context, model, reason string) (version int, err error)
}

// LabState is what the page shows of the lab. All times but those of lag are scenario time.
type LabState struct {
	Scenario   string
	Seed       uint64
	Epoch      time.Time // the beginning of day 0
	Now        time.Time
	Day        int
	Speed      float64 // scenario seconds a second; 0: as fast as possible
	Paused     bool
	Going      bool // false: the prehistory is being loaded
	Running    bool // somebody runs the lab; while nobody does, its time stands still
	Amount     bool // the target is an amount, not a class
	Incidents  []LabIncident
	Pipelines  []LabPipeline
	Versions   []LabVersion
	Scores     []LabScore // by time
	Drift      []LabDrift // by time
	Alerts     []LabAlert
	Datasets   []LabDataset
	Runs       []LabRun
	Moves      []LabMove // oldest first
	Faults     []LabFault
	Injected   []LabIncident
	Quarantine int64
}

// LabIncident is something that happens to the world between two instants; a zero Until: it does not end.
type LabIncident struct {
	From, Until time.Time
	Title       string
}

// LabPipeline is a durable consumer of the lab.
type LabPipeline struct {
	Name, Consumer, Topic string
	Events, Lag, Dead     int64
}

// LabVersion is a registered model version.
type LabVersion struct {
	Model      string
	Version    int
	Kind       string
	Stage      string
	Aliases    []string
	Dataset    int // 0: none
	CreatedAt  time.Time
	Triggers   []string
	Measure    float64 // offline: AUC, or of an amount MAPE; NaN: none
	Gate       bool
	Checks     []LabCheck
	Artefact   string // key in the bucket models
	Comparison string
}

// LabCheck is a condition of a gate.
type LabCheck struct {
	Name, Limit string
	Passed      bool
	Value       float64
}

// LabScore is one window of one version: NaN where a number is not known.
type LabScore struct {
	Model        string
	Version      int
	Role         string // champion, challenger, shadow, canary
	Matured      bool   // false: provisional, labels are still to come
	AsOf         time.Time
	N, Positives int
	Measure      float64 // AUC, or of an amount MAPE
	Low, High    float64 // of an AUC
	Coverage     float64
}

// LabDrift is the distance of a feature from the champion's training data.
type LabDrift struct {
	Feature        string
	AsOf           time.Time
	Version        int
	PSI, Noise, KS float64
}

// LabAlert is an alert that fires or has fired.
type LabAlert struct {
	Name, Subject, Severity, Expression, State, Detail string
	Value                                              float64 // in the unit that its name implies; NaN: none
	Since                                              time.Time
	FiredAt, ResolvedAt                                *time.Time
}

// LabDataset is a dataset and where its file is.
type LabDataset struct {
	Dataset         int
	AsOf            time.Time
	Rows, Positives int
	SHA256          string
	Bucket, Object  string
}

// LabRun is a training, or why there was none.
type LabRun struct {
	AsOf     time.Time
	Triggers []string
	Outcome  string
}

// LabMove is a line of an alias's history.
type LabMove struct {
	Model, Alias string
	Version      int
	From         time.Time
	Until        *time.Time
	By, Reason   string
}

// LabFault can be injected.
type LabFault struct{ Name, Does string }

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

// labAction is something to be done to the lab, as confirm asks about it.
type labAction struct {
	Name         string
	Fault        string
	Hours        float64
	Share        float64
	Model, Alias string
	Version      int
	Speed        float64
	Day          int
	Step         time.Duration
	Reason       string
}

func parseLabAction(r *http.Request) (a labAction, err error) {
	if err := r.ParseForm(); err != nil {
		return a, &pageError{http.StatusBadRequest, "The form could not be read.", ""}
	}
	a = labAction{Name: r.PathValue("action"), Fault: r.FormValue("fault"), Model: r.FormValue("model"), Alias: r.FormValue("alias"), Reason: r.FormValue("reason")}
	float := func(field string, to *float64) {
		f, failed := strconv.ParseFloat(strings.TrimSpace(r.FormValue(field)), 64)
		if failed != nil && err == nil {
			err = &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not a number.", r.FormValue(field)), ""}
		}
		*to = f
	}
	whole := func(field string, to *int) {
		n, failed := strconv.Atoi(strings.TrimSpace(r.FormValue(field)))
		if failed != nil && err == nil {
			err = &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not a whole number.", r.FormValue(field)), ""}
		}
		*to = n
	}
	switch a.Name {
	case "pause", "resume", "rollback":
	case "speed":
		if float("speed", &a.Speed); err == nil && !(a.Speed > 0) {
			err = &pageError{http.StatusBadRequest, "The speed is not above 0.", "Give scenario seconds a second, such as 720."}
		}
	case "jump":
		whole("day", &a.Day)
	case "step":
		if d, failed := time.ParseDuration(strings.TrimSpace(r.FormValue("length"))); failed != nil || d <= 0 {
			err = &pageError{http.StatusBadRequest, fmt.Sprintf("%q is no step.", r.FormValue("length")), "Give a length of scenario time, such as 1h."}
		} else {
			a.Step = d
		}
	case "inject":
		float("hours", &a.Hours)
		float("percent", &a.Share)
		a.Share /= 100
	case "promote":
		whole("version", &a.Version)
	default:
		err = &pageError{http.StatusNotFound, "There is no action " + strconv.Quote(a.Name) + ".", ""}
	}
	return a, err
}

// confirmLab says what an injection, a jump or a move of an alias will do.
func (c *Console) confirmLab(r *http.Request) (view, error) {
	a, err := parseLabAction(r)
	if err != nil {
		return nil, err
	}
	state, err := c.lookAtLab(r.Context())
	if err != nil {
		return nil, err
	}
	v := &confirmView{Base: c.base(r, a.Name), Post: "/lab/" + a.Name, Fields: url.Values{}, Back: "/lab"}
	v.Section = "lab"
	for k, values := range r.Form {
		v.Fields[k] = values
	}
	will := func(format string, args ...any) { v.Will = append(v.Will, fmt.Sprintf(format, args...)) }
	switch a.Name {
	case "inject":
		i := slices.IndexFunc(state.Faults, func(f LabFault) bool { return f.Name == a.Fault })
		if i < 0 {
			return nil, &pageError{http.StatusNotFound, "There is no fault " + strconv.Quote(a.Fault) + ".", ""}
		}
		v.Question, v.Button, v.Grave = "Inject "+a.Fault+"?", "Inject it", true
		will("For %s of scenario time from now on, %s.", secondsText(a.Hours*3600), state.Faults[i].Does)
		will("It hits %.0f %% of them.", 100*a.Share)
		if state.Speed > 0 {
			will("At speed %s that takes %s of your time.", number(state.Speed), secondsText(a.Hours*3600/state.Speed))
		}
		v.Beware = "The pipelines have to notice: watch the alerts. What is broken stays broken in the log, as it would outside."
	case "promote":
		v.Question, v.Button = fmt.Sprintf("Let %s of %s be version %d?", a.Alias, a.Model, a.Version), "Move the alias"
		if a.Alias == "champion" {
			will("From now on version %d answers and acts.", a.Version)
		} else {
			will("From now on version %d scores beside the champion, and nobody acts on it.", a.Version)
		}
		will("The move is kept in the alias's history, and can be undone.")
	case "rollback":
		v.Question, v.Button = "Give champion of "+a.Model+" back to the version before?", "Roll back"
		i := slices.IndexFunc(state.Moves, func(m LabMove) bool { return m.Alias == "champion" && m.Model == a.Model && m.Until == nil })
		if i >= 0 {
			will("Version %d is champion no longer.", state.Moves[i].Version)
		}
		will("The version that was champion before it answers and acts again.")
		will("The move is kept in the alias's history.")
	case "jump":
		v.Question, v.Button, v.Grave = fmt.Sprintf("Jump to day %d?", a.Day), "Jump", true
		will("Scenario time moves on from day %d to the beginning of day %d.", state.Day, a.Day)
		will("Whatever is due till then comes at once; the pipelines catch up in a while.")
		v.Beware = "Scenario time does not go back."
	default:
		return nil, &pageError{http.StatusNotFound, "There is no such question.", ""}
	}
	v.Twins = c.labTwins(r, a)
	return v, nil
}

func (c *Console) labTwins(r *http.Request, a labAction) []Twin {
	switch a.Name {
	case "inject":
		length := time.Duration(a.Hours * float64(time.Hour)).String()
		return []Twin{{"command line", fmt.Sprintf("howdah lab inject %s --for %s --share %g", quote(a.Fault), length, a.Share)},
			{"HTTP", c.post(r, "/v1/lab/faults", map[string]any{"fault": a.Fault, "for": length, "share": a.Share})}}
	case "promote":
		return []Twin{{"command line", fmt.Sprintf("howdah lab promote %d --model %s --alias %s", a.Version, quote(a.Model), quote(a.Alias))},
			{"HTTP", c.post(r, "/v1/models/"+a.Model+"/aliases", map[string]any{"alias": a.Alias, "version": a.Version})}}
	case "rollback":
		return []Twin{{"command line", "howdah lab rollback --model " + quote(a.Model)}, {"HTTP", c.post(r, "/v1/models/"+a.Model+"/rollback", nil)}}
	}
	return []Twin{{"command line", fmt.Sprintf("howdah lab jump %d", a.Day)}, {"HTTP", c.post(r, "/v1/lab/clock", map[string]any{"day": a.Day})}}
}

func (c *Console) actOnLab(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	a, err := parseLabAction(r)
	var done string
	if err == nil && c.Lab == nil {
		err = &pageError{http.StatusNotFound, "There is no lab here.", "howdah demo plays one."}
	}
	if err == nil {
		done, err = a.do(r.Context(), c.Lab)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.cache.forget()
	c.Log.Info("done on the page", "action", "lab "+a.Name, "from", r.RemoteAddr)
	c.flash(w, r, done)
	http.Redirect(w, r, "/lab", http.StatusSeeOther)
}

func (a labAction) do(ctx context.Context, l Lab) (string, error) {
	reason := a.Reason
	if reason == "" {
		reason = "on the page"
	}
	switch a.Name {
	case "pause":
		return "Scenario time stands still.", l.Pause(ctx, true)
	case "resume":
		return "Scenario time runs again.", l.Pause(ctx, false)
	case "speed":
		return fmt.Sprintf("Scenario time runs %g times as fast as the clock.", a.Speed), l.Speed(ctx, a.Speed)
	case "jump":
		return fmt.Sprintf("Scenario time is at day %d.", a.Day), l.Jump(ctx, a.Day)
	case "step":
		return fmt.Sprintf("Scenario time moves on by %s.", secondsText(a.Step.Seconds())), l.Step(ctx, a.Step)
	case "inject":
		return a.Fault + " is injected.", l.Inject(ctx, a.Fault, time.Duration(a.Hours*float64(time.Hour)), a.Share)
	case "promote":
		return fmt.Sprintf("%s of %s is version %d.", a.Alias, a.Model, a.Version), l.Move(ctx, a.Model, a.Alias, a.Version, reason)
	}
	version, err := l.Rollback(ctx, a.Model, reason)
	return fmt.Sprintf("champion of %s is version %d again.", a.Model, version), err
}

// Metric is what the lab measures its models by.
func (s *LabState) Metric() string {
	if s.Amount {
		return "MAPE"
	}
	return "AUC"
}

// Text writes a value of that metric.
func (s *LabState) Text(measure float64) string {
	if s.Amount {
		return fmt.Sprintf("%.1f %%", 100*measure)
	}
	return fmt.Sprintf("%.3f", measure)
}

// Amount is the alert's value with its unit; empty: it has none that says more than its detail.
func (a LabAlert) Amount() string {
	if math.IsNaN(a.Value) {
		return ""
	}
	switch a.Name {
	case "lag":
		return fmt.Sprintf("%.1f s behind", a.Value)
	case "latency":
		return fmt.Sprintf("p99 %.1f ms", a.Value)
	case "label_coverage":
		return fmt.Sprintf("%.0f %% of the usual", 100*a.Value)
	}
	return ""
}

// DayText writes a scenario time.
func (v *labView) DayText(t time.Time) string {
	d := t.Sub(v.Epoch)
	return fmt.Sprintf("day %d, %s", int(math.Floor(d.Hours()/24)), t.UTC().Format("15:04"))
}

// Known says whether a number is one.
func known(f float64) bool { return !math.IsNaN(f) }
