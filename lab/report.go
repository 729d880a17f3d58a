package lab

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/lab/sim"
)

// Report is what came of a run: what a grader reads. With the same seed and day it is the same, but for Took, system
// times, and what follows from them.
type Report struct {
	Scenario    string           `json:"scenario"`
	Seed        uint64           `json:"seed"`
	Day         int              `json:"day"`
	Took        float64          `json:"took_seconds"`
	Events      map[string]int64 `json:"events"` // by topic
	Outcomes    map[string]int64 `json:"outcomes"`
	Quarantined map[string]int64 `json:"quarantined"` // by rule
	Labels      map[string]int64 `json:"labels"`
	Oracle      []OracleLine     `json:"oracle"`
	Datasets    []DatasetLine    `json:"datasets"`
	Versions    []VersionLine    `json:"versions"`
	Evaluations []EvaluationLine `json:"evaluations"`
	Drift       []DriftLine      `json:"drift"` // of the last day
	MaxDrift    []DriftLine      `json:"max_drift"`
	Alerts      []Alert          `json:"alerts"`
	Runs        []RunLine        `json:"runs"`
	Aliases     []AliasMove      `json:"aliases"`
}

// OracleLine compares a count with the truth.
type OracleLine struct {
	What  string `json:"what"`
	Want  int64  `json:"want"`
	Got   int64  `json:"got"`
	Equal bool   `json:"equal"`
}

// DatasetLine is a dataset.
type DatasetLine struct {
	Dataset   int       `json:"dataset"`
	AsOf      time.Time `json:"as_of"`
	Rows      int       `json:"rows"`
	Positives int       `json:"positives"`
	SHA256    string    `json:"sha256"`
}

// VersionLine is a model version.
type VersionLine struct {
	Model     string     `json:"model"`
	Version   int        `json:"version"`
	Kind      string     `json:"kind"`
	Dataset   *int       `json:"dataset"`
	CreatedAt time.Time  `json:"created_at"`
	Triggers  []string   `json:"triggers"`
	AUC       *float64   `json:"offline_auc"`
	AP        *float64   `json:"offline_ap"`
	Threshold *float64   `json:"threshold"`
	Gate      GateResult `json:"gate"`
	Stage     string     `json:"deployment_stage"`
	OnlineAUC *float64   `json:"online_auc"` // of the latest matured window
	Compared  *string    `json:"last_comparison"`
}

// EvaluationLine is one window of one version.
type EvaluationLine struct {
	Model     string    `json:"model"`
	Version   int       `json:"version"`
	Role      string    `json:"role"`
	Labels    string    `json:"labels"`
	AsOf      time.Time `json:"as_of"`
	N         int       `json:"n"`
	Positives int       `json:"positives"`
	AUC       *float64  `json:"auc"`
	Low       *float64  `json:"auc_low"`
	High      *float64  `json:"auc_high"`
	AP        *float64  `json:"ap"`
	Coverage  *float64  `json:"coverage"`
	MAPE      *float64  `json:"mape,omitempty"` // of an amount
}

const evaluationColumns = `model, version, role, labels, as_of, n, positives, auc, auc_low, auc_high, (metrics->>'ap')::float8,
	(metrics->>'coverage')::float8, (metrics->>'mape')::float8`

// DriftLine is the distance of a feature.
type DriftLine struct {
	Feature    string    `json:"feature"`
	AsOf       time.Time `json:"as_of"`
	Version    int       `json:"version"`
	PSI        *float64  `json:"psi"`
	NoiseFloor *float64  `json:"noise_floor"`
	KS         *float64  `json:"ks"`
}

// RunLine is a training, or why there was none.
type RunLine struct {
	AsOf     time.Time      `json:"as_of"`
	Triggers []string       `json:"triggers"`
	Outcome  string         `json:"outcome"`
	Detail   map[string]any `json:"detail"`
}

// Report reads what came of the run so far.
func (l *Lab) Report(ctx context.Context) (*Report, error) {
	q := l.db.Pool()
	at, err := l.publishedUntil(ctx)
	if err != nil {
		return nil, err
	}
	r := &Report{Scenario: l.info.Scenario, Seed: l.info.Seed, Day: l.dayOf(at), Events: map[string]int64{}}
	for _, s := range l.info.Streams {
		t, err := l.db.Topic(s.Name).Info(ctx)
		if err != nil {
			return nil, err
		}
		r.Events[s.Name] = t.Events
	}
	if r.Outcomes, err = counts(ctx, q, `select case when converted then 'converted' else 'accepted' end, count(*) from lab.facts group by 1
		union all select 'duplicate', count(*) from lab.duplicates union all select 'quarantined', count(*) from lab.quarantine`); err != nil {
		return nil, err
	}
	if r.Quarantined, err = counts(ctx, q, "select rule, count(*) from lab.quarantine group by 1"); err != nil {
		return nil, err
	}
	if r.Labels, err = counts(ctx, q, "select source || case when value > 0 then ': yes' else ': no' end, count(*) from lab.labels group by 1"); err != nil {
		return nil, err
	}
	if err := l.compareWithOracle(ctx, r); err != nil {
		return nil, err
	}
	if err := collect(ctx, q, &r.Datasets, "select dataset, as_of, rows, positives, sha256 from lab.datasets order by 1"); err != nil {
		return nil, err
	}
	if err := collect(ctx, q, &r.Versions, `select v.model, v.version, v.kind, v.dataset, v.created_at, v.triggers, (v.metrics->>'auc')::float8, (v.metrics->>'ap')::float8, v.threshold,
		v.gate, s.deployment_stage, (select auc from lab.evaluations e where e.model = v.model and e.version = v.version and labels = 'matured' and auc is not null order by as_of desc limit 1),
		v.tags->>'last_comparison'
		from lab.versions v join lab.stages s using (model, version) order by 1, 2`); err != nil {
		return nil, err
	}
	if err := collect(ctx, q, &r.Evaluations, "select "+evaluationColumns+" from lab.evaluations order by as_of, model, version, labels"); err != nil {
		return nil, err
	}
	const drift = "select feature, as_of, version, psi, noise_floor, ks from lab.drift "
	if err := collect(ctx, q, &r.Drift, drift+"where as_of = (select max(as_of) from lab.drift) order by psi desc nulls last"); err != nil {
		return nil, err
	}
	if err := collect(ctx, q, &r.MaxDrift, "select * from (select distinct on (feature) feature, as_of, version, psi, noise_floor, ks from lab.drift order by feature, psi desc nulls last) x order by psi desc nulls last"); err != nil {
		return nil, err
	}
	if err := collect(ctx, q, &r.Runs, "select as_of, triggers, outcome, detail from lab.runs order by 1"); err != nil {
		return nil, err
	}
	if r.Alerts, err = l.Alerts(ctx, false); err != nil {
		return nil, err
	}
	r.Aliases, err = l.History(ctx, l.shape.Model)
	return r, err
}

func counts(ctx context.Context, q querier, sql string, args ...any) (map[string]int64, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	out := map[string]int64{}
	var name string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&name, &n}, func() error { out[name] += n; return nil })
	return out, err
}

func collect[T any](ctx context.Context, q querier, into *[]T, sql string, args ...any) error {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	*into, err = pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	return err
}

// compareWithOracle counts the truths of all days that have been published and compares what the pipelines made of them.
func (l *Lab) compareWithOracle(ctx context.Context, r *Report) error {
	var t sim.Tally
	for day := range r.Day {
		truths, err := l.scenario.World().Oracle(day)
		if err != nil {
			return err
		}
		t.Add(truths)
	}
	facts := int64(0)
	for kind, n := range t.Outcomes {
		facts += int64(n)
		if kind == sim.Duplicate || kind == sim.Quarantined || kind == sim.Converted {
			r.Oracle = append(r.Oracle, oracle(string(kind), n, r.Outcomes[string(kind)]))
		}
	}
	for rule, n := range t.Quarantined {
		r.Oracle = append(r.Oracle, oracle("quarantined: "+rule, n, r.Quarantined[rule]))
	}
	checked := 0
	if l.shape.Labels != "" {
		labels := int64(0)
		for _, n := range r.Labels {
			labels += n
		}
		if err := l.db.Pool().QueryRow(ctx, "select count(*) from lab.investigations where arrives_at < $1", l.dayStart(r.Day)).Scan(&checked); err != nil {
			return fmt.Errorf("count investigations: %w", err)
		}
		r.Oracle = append(r.Oracle, oracle("labels", t.Types["label.reported"]+t.Types["label.corrected"]+checked, labels))
	}
	published := int64(0)
	for _, n := range r.Events {
		published += n
	}
	r.Oracle = append(r.Oracle, oracle("events", int(facts)+checked, published))
	sortOracle(r.Oracle)
	return nil
}

func oracle(what string, want int, got int64) OracleLine {
	return OracleLine{what, int64(want), got, int64(want) == got}
}

func sortOracle(lines []OracleLine) {
	slices.SortFunc(lines, func(a, b OracleLine) int { return strings.Compare(a.What, b.What) })
}
