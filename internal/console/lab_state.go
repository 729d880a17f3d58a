package console

import (
	"context"
	"fmt"
	"math"
	"time"
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
