package lab

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/metric"
)

// The label states of a window.
const (
	Matured     = "matured"     // the window ended a horizon ago
	Provisional = "provisional" // negative until told otherwise: AUC is an early warning, rates are not to be trusted
)

// evaluationDays is the length of a window.
const evaluationDays = 7

// number makes a metric fit for JSON: what has no answer is null.
func number(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return x
}

func classMetrics(scores []float64, positive []bool, alerts int) map[string]any {
	auc := metric.AUC(scores, positive)
	precision, recall := metric.AtK(scores, positive, alerts)
	return map[string]any{
		"auc": number(auc.Value), "auc_se": number(auc.SE), "auc_low": number(auc.Low), "auc_high": number(auc.High),
		"ap": number(metric.AveragePrecision(scores, positive)), "log_loss": number(metric.LogLoss(scores, positive)),
		"brier": number(metric.Brier(scores, positive)), "ece": number(metric.ECE(scores, positive, 10)),
		"precision_at_alerts": number(precision), "recall_at_alerts": number(recall), "recall_at_1pct_fpr": number(metric.RecallAtFPR(scores, positive, 0.01)),
	}
}

func amountMetrics(predicted, truth []float64) map[string]any {
	r := metric.Regress(predicted, truth)
	return map[string]any{"rmse": number(r.RMSE), "mae": number(r.MAE), "mape": number(r.MAPE), "r2": number(r.R2)}
}

// scored are the logged answers of one version in a window, with the labels known at the time of looking.
type scored struct {
	model   string
	version int
	role    string
	facts   []string
	scores  []float64
	truth   []float64
	acts    []bool
	latency []float64
}

func positives(truth []float64) (positive []bool, n int) {
	positive = make([]bool, len(truth))
	for i, y := range truth {
		if positive[i] = y > 0.5; positive[i] {
			n++
		}
	}
	return positive, n
}

// scoredIn reads what was answered about facts of [from, until), by version, with labels as known before asOf.
func (l *Lab) scoredIn(ctx context.Context, tx pgx.Tx, asOf, from, until time.Time) ([]*scored, error) {
	rows, err := tx.Query(ctx, `select p.model, p.version, p.role, p.fact_id, p.score, p.decision, p.latency_us::float8, l.value
		from lab.predictions p left join `+latestLabels+` l using (fact_id)
		where p.occurred_at >= $2 and p.occurred_at < $3 and p.known_at < $1 and not p.served and ($4 or l.value is not null)
		order by p.model, p.version, p.fact_id collate "C"`, asOf, from, until, l.shape.Target == Class)
	if err != nil {
		return nil, fmt.Errorf("read predictions: %w", err)
	}
	var all []*scored
	var x scored
	var fact string
	var score, latency float64
	var decision bool
	var value *float64
	_, err = pgx.ForEachRow(rows, []any{&x.model, &x.version, &x.role, &fact, &score, &decision, &latency, &value}, func() error {
		var s *scored
		if n := len(all); n > 0 && all[n-1].model == x.model && all[n-1].version == x.version {
			s = all[n-1]
		} else {
			s = &scored{model: x.model, version: x.version}
			all = append(all, s)
		}
		s.role = x.role
		y := 0.0
		if value != nil {
			y = *value
		}
		s.facts, s.scores, s.truth = append(s.facts, fact), append(s.scores, score), append(s.truth, y)
		s.acts, s.latency = append(s.acts, decision), append(s.latency, latency)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read predictions: %w", err)
	}
	return all, nil
}

// evaluate is the pipeline that, at the beginning of every scenario day, measures each version on the last week, with the
// labels that happen to be known, and on the last week that has matured.
func (l *Lab) evaluate(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, last time.Time, err error) {
	ticks, err := readTicks(batch)
	if err != nil {
		return 0, last, err
	}
	for _, t := range ticks {
		last = later(last, t.At)
		if !t.Day {
			continue
		}
		if err := l.await(ctx, tx, t.At, append(l.references(), pipeScore)...); err != nil {
			return 0, last, err
		}
		rate, err := l.maturedRate(ctx, tx, t.At)
		if err != nil {
			return 0, last, err
		}
		week := evaluationDays * 24 * time.Hour
		horizon := l.scenario.Policy().Horizon
		if err := l.evaluateWindow(ctx, tx, t.At, t.At.Add(-horizon-week), t.At.Add(-horizon), Matured, rate); err != nil {
			return 0, last, err
		}
		if err := l.evaluateWindow(ctx, tx, t.At, t.At.Add(-week), t.At, Provisional, rate); err != nil {
			return 0, last, err
		}
	}
	return 0, last, nil
}

func (l *Lab) evaluateWindow(ctx context.Context, tx pgx.Tx, asOf, from, until time.Time, labels string, rate float64) error {
	all, err := l.scoredIn(ctx, tx, asOf, from, until)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, s := range all {
		positive, n := positives(s.truth)
		var metrics map[string]any
		var auc, low, high any
		if l.shape.Target == Class {
			metrics = classMetrics(s.scores, positive, l.scenario.Policy().AlertsDay*evaluationDays)
			auc, low, high = metrics["auc"], metrics["auc_low"], metrics["auc_high"]
			alerts := 0
			for _, a := range s.acts {
				alerts += bit(a)
			}
			metrics["alerts_per_day"] = float64(alerts) / evaluationDays
			metrics["coverage"] = nil
			if rate > 0 {
				metrics["coverage"] = number(float64(n) / (rate * float64(len(s.scores))))
			}
		} else {
			metrics = amountMetrics(s.scores, s.truth)
		}
		slices.Sort(s.latency)
		metrics["latency_us"] = map[string]any{"p50": metric.Quantile(s.latency, 0.5), "p95": metric.Quantile(s.latency, 0.95), "p99": metric.Quantile(s.latency, 0.99)}
		rows = append(rows, []any{s.model, s.version, labels, from, until, asOf, s.role, len(s.scores), n, auc, low, high, metrics})
	}
	if _, err := tx.Exec(ctx, "delete from lab.evaluations where as_of = $1 and labels = $2", asOf, labels); err != nil {
		return err
	}
	return copyRows(ctx, tx, "evaluations", []string{"model", "version", "labels", "window_from", "window_until", "as_of", "role", "n", "positives", "auc", "auc_low", "auc_high", "metrics"}, rows)
}

// maturedRate is the share of positives in the last four weeks that have matured: what coverage is measured by.
func (l *Lab) maturedRate(ctx context.Context, tx pgx.Tx, asOf time.Time) (rate float64, err error) {
	until := asOf.Add(-l.scenario.Policy().Horizon)
	err = tx.QueryRow(ctx, `select coalesce(avg((coalesce(l.value, 0) > 0.5)::int), 0)::float8 from lab.facts f left join `+latestLabels+` l using (fact_id)
		where f.occurred_at >= $2 and f.occurred_at < $3`, asOf, until.Add(-28*24*time.Hour), until).Scan(&rate)
	return rate, err
}
