package lab

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/metric"
)

// unlikely is the probability below which a count in a window is taken for a fault and not for chance.
const unlikely = 1e-5

// How many labels it takes to say that a version has become worse.
const (
	minPositives = 20
	minAmounts   = 100
)

// minPSIRows is how many rows PSI needs to say something.
const minPSIRows = 1000

func subject(name string, version int) string { return fmt.Sprintf("%s/%d", name, version) }

// monitor is the pipeline that watches: every scenario hour the data's quality, every scenario day drift against the
// champion's training data and its performance.
func (l *Lab) monitor(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, last time.Time, err error) {
	ticks, err := readTicks(batch)
	if err != nil {
		return 0, last, err
	}
	through, err := l.again(ctx, tx, pipeMonitor, batch)
	if err != nil {
		return 0, last, err
	}
	for i, t := range ticks {
		last = later(last, t.At)
		if batch[i].ID <= through { // an alert that was given stays given
			continue
		}
		if err := l.await(ctx, tx, t.At, append(l.references(), pipeScore)...); err != nil {
			return 0, last, err
		}
		w := &watch{lab: l, tx: tx, at: t.At}
		if err := w.champion(ctx); err != nil {
			return 0, last, err
		}
		if err := w.quality(ctx); err != nil {
			return 0, last, fmt.Errorf("watch the data at %s: %w", t.At.Format(time.RFC3339), err)
		}
		if !t.Day {
			continue
		}
		if err := w.coverage(ctx); err != nil {
			return 0, last, fmt.Errorf("watch label coverage at %s: %w", t.At.Format(time.RFC3339), err)
		}
		if err := w.drift(ctx); err != nil {
			return 0, last, fmt.Errorf("watch drift at %s: %w", t.At.Format(time.RFC3339), err)
		}
		// Performance is measured by the evaluation of the same day.
		if err := l.awaitIDs(ctx, tx, map[string]int64{topicClock: batch[i].ID}, pipeEvaluate); err != nil {
			return 0, last, err
		}
		if err := w.performance(ctx); err != nil {
			return 0, last, fmt.Errorf("watch performance at %s: %w", t.At.Format(time.RFC3339), err)
		}
	}
	return 0, last, nil
}

// watch is one look at everything.
type watch struct {
	lab *Lab
	tx  pgx.Tx
	at  time.Time

	open       map[[2]string]openAlert
	live       *AliasMove
	trainedAUC *float64
	trainedErr *float64 // of an amount
	statistics *Statistics
	scores     *metric.Numeric
}

func (w *watch) champion(ctx context.Context) (err error) {
	if w.live, err = w.lab.champion(ctx, w.tx, w.at); err != nil || w.live == nil {
		return err
	}
	return w.tx.QueryRow(ctx, `select (v.metrics->>'auc')::float8, (v.metrics->>'mape')::float8, v.metrics->'score_reference', d.statistics
		from lab.versions v left join lab.datasets d using (dataset) where v.model = $1 and v.version = $2`,
		w.live.Model, w.live.Version).Scan(&w.trainedAUC, &w.trainedErr, &w.scores, &w.statistics)
}

// tail is the probability of so many or more events where so many are expected.
func tail(seen int, expected float64) float64 {
	if seen == 0 {
		return 1
	}
	return 1 - distuv.Poisson{Lambda: expected}.CDF(float64(seen-1))
}

// quality watches the last hour: whether facts and labels come, what is set aside, nulls, and values out of range.
func (w *watch) quality(ctx context.Context) error {
	l, hour := w.lab, w.at.Add(-time.Hour)
	var facts, aside, week int
	err := w.tx.QueryRow(ctx, `select (select count(*) from lab.features where view = $4 and occurred_at >= $5 and known_at >= $1 and known_at < $2),
		(select count(*) from lab.quarantine where topic = $3 and known_at >= $1 and known_at < $2),
		(select count(*) from generate_series(1, 7) d join lab.features f on view = $4 and f.occurred_at >= $1::timestamptz - d * interval '24 h'
			and f.occurred_at < $2::timestamptz - d * interval '24 h')`,
		hour, w.at, l.shape.Facts, l.scenario.View().ID(), hour.Add(-24*time.Hour)).Scan(&facts, &aside, &week)
	if err != nil {
		return err
	}
	usual := float64(week) / 7 // in this hour of the day
	none := facts == 0 && math.Exp(-usual) < unlikely
	if err := w.alert(ctx, alert{Name: "no_data", Subject: l.shape.Facts, Severity: "critical", Expression: "no fact in an hour in which some came on the seven days before",
		Active: none, Value: float64(facts), From: hour, Until: w.at}); err != nil {
		return err
	}
	bad := tail(aside, 0.005*float64(facts+aside)) < unlikely
	if err := w.alert(ctx, alert{Name: "schema_violations", Subject: l.shape.Facts, Severity: "warning", Expression: "more events set aside in an hour than 0.5 % explains",
		Active: bad, Value: float64(aside), From: hour, Until: w.at}); err != nil {
		return err
	}
	if l.shape.Labels != "" {
		if err := w.labelsCome(ctx); err != nil {
			return err
		}
	}
	if w.statistics == nil {
		return nil
	}
	return w.values(ctx, hour)
}

// labelsCome tells an outage of labels from a quiet day.
func (w *watch) labelsCome(ctx context.Context) error {
	var day, before int
	from := w.at.Add(-24 * time.Hour)
	err := w.tx.QueryRow(ctx, `select count(*) filter (where known_at >= $1), count(*) filter (where known_at < $1) from lab.labels
		where known_at >= $1::timestamptz - interval '28 d' and known_at < $2`, from, w.at).Scan(&day, &before)
	if err != nil {
		return err
	}
	usual := float64(before) / 28
	return w.alert(ctx, alert{Name: "label_outage", Subject: w.lab.shape.Labels, Severity: "critical", Expression: "far fewer labels in 24 hours than in the 28 days before",
		Active: distuv.Poisson{Lambda: max(usual, 1e-9)}.CDF(float64(day)) < unlikely, Value: float64(day), From: from, Until: w.at,
		Detail: fmt.Sprintf("%d labels in 24 hours, usually %.1f", day, usual)})
}

// coverage warns where far less is known about the last week than was known about the four weeks before when each of them
// was as fresh. An outage shows here for as long as its labels are missing, however slowly they come.
func (w *watch) coverage(ctx context.Context) error {
	if w.lab.shape.Labels == "" {
		return nil
	}
	from := w.at.Add(-evaluationDays * 24 * time.Hour)
	var now, before int
	err := w.tx.QueryRow(ctx, `select count(*) filter (where week = 0), count(*) filter (where week > 0)
		from (select distinct on (week, fact_id) week, value from generate_series(0, 4) week
			cross join lateral (select $1::timestamptz - week * interval '168 h' as at) t
			join lab.labels l on l.known_at >= t.at - interval '168 h' and l.known_at < t.at
			join lab.facts f using (fact_id) where f.occurred_at >= t.at - interval '168 h' and f.occurred_at < t.at
			order by week, fact_id, l.known_at desc, l.reported_at desc) known
		where value > 0 or not $2`, w.at, w.lab.shape.Target == Class).Scan(&now, &before)
	if err != nil {
		return err
	}
	usual := float64(before) / 4
	return w.alert(ctx, alert{Name: "label_coverage", Subject: w.lab.shape.Labels, Severity: "warning", Expression: "far fewer labels are known of the last 7 days than usually are", For: 24 * time.Hour,
		Active: distuv.Poisson{Lambda: max(usual, 1e-9)}.CDF(float64(now)) < unlikely, Value: float64(now) / max(usual, 1), From: from, Until: w.at,
		Detail: fmt.Sprintf("%d known, usually %.1f", now, usual)})
}

// values compares nulls and ranges of the last hour with the training data's.
func (w *watch) values(ctx context.Context, from time.Time) error {
	l := w.lab
	view := l.scenario.View()
	numbers, categories := view.Numbers(), view.Categories()
	nulls, outside := map[string]int{}, map[string]int{}
	rows, err := w.tx.Query(ctx, "select numbers, categories from lab.features where view = $1 and occurred_at >= $2 and known_at >= $3 and known_at < $4",
		view.ID(), from.Add(-24*time.Hour), from, w.at)
	if err != nil {
		return err
	}
	var x []float64
	var c []string
	n := 0
	_, err = pgx.ForEachRow(rows, []any{&x, &c}, func() error {
		n++
		for i, name := range numbers {
			ref := w.statistics.Numbers[name]
			switch {
			case math.IsNaN(x[i]):
				nulls[name]++
			case len(ref.Points) > 0 && (x[i] < ref.Points[0] || x[i] > ref.Points[len(ref.Points)-1]):
				outside[name]++
			}
		}
		for i, name := range categories {
			ref := w.statistics.Categories[name]
			switch {
			case c[i] == "":
				nulls[name]++
			case ref.Counts[c[i]] == 0:
				outside[name]++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, col := range view.Columns {
		usual := w.statistics.nullRate(col.Name)
		active := tail(nulls[col.Name], max(usual, 0.002)*float64(n)) < unlikely
		if err := w.alert(ctx, alert{Name: "null_rate", Subject: col.Name, Severity: "warning", Expression: "more nulls in an hour than the training data's rate explains",
			Active: active, Value: float64(nulls[col.Name]) / float64(max(n, 1)), From: from, Until: w.at,
			Detail: fmt.Sprintf("%d of %d, in training %.2f %%", nulls[col.Name], n, 100*usual)}); err != nil {
			return err
		}
	}
	for _, name := range l.shape.Ranged {
		if err := w.alert(ctx, alert{Name: "out_of_range", Subject: name, Severity: "warning", Expression: "more values in an hour outside those of the training data than 0.2 % explains",
			Active: tail(outside[name], 0.002*float64(n)) < unlikely, Value: float64(outside[name]) / float64(max(n, 1)), From: from, Until: w.at,
			Detail: fmt.Sprintf("%d of %d", outside[name], n)}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Statistics) nullRate(name string) float64 {
	nulls, rows := 0, 0
	if n, ok := s.Numbers[name]; ok {
		nulls, rows = n.Nulls, n.Nulls
		for _, c := range n.Counts {
			rows += c
		}
	}
	if n, ok := s.Categories[name]; ok {
		nulls, rows = n.Nulls, n.Nulls
		for _, c := range n.Counts {
			rows += c
		}
	}
	if rows == 0 {
		return 0
	}
	return float64(nulls) / float64(rows)
}

// drift compares the last week with the champion's training data, feature by feature, and its scores with those of the
// training.
func (w *watch) drift(ctx context.Context) error {
	if w.live == nil || w.statistics == nil {
		return nil
	}
	l := w.lab
	view := l.scenario.View()
	from := w.at.Add(-evaluationDays * 24 * time.Hour)
	rows, err := w.tx.Query(ctx, "select numbers, categories from lab.features where view = $1 and occurred_at >= $2 and occurred_at < $3 and known_at < $3", view.ID(), from, w.at)
	if err != nil {
		return err
	}
	numbers, categories := make([][]float64, len(view.Numbers())), make([][]string, len(view.Categories()))
	var x []float64
	var c []string
	if _, err = pgx.ForEachRow(rows, []any{&x, &c}, func() error {
		for i := range x {
			numbers[i] = append(numbers[i], x[i])
		}
		for i := range c {
			categories[i] = append(categories[i], c[i])
		}
		return nil
	}); err != nil {
		return err
	}
	var out [][]any
	add := func(name string, d metric.Drift) error {
		out = append(out, []any{w.at, w.live.Model, w.live.Version, name, number(d.PSI), number(d.NoiseFloor), number(d.KS), number(d.JS), d.NullRate, d.Rows})
		distance := fmt.Sprintf("KS %.3f", d.KS)
		if math.IsNaN(d.KS) { // categories have no order
			distance = fmt.Sprintf("JS %.3f", d.JS)
		}
		return w.alert(ctx, alert{Name: "drift", Subject: name, Severity: "warning", Expression: "psi >= 0.25 against the champion's training data", For: 24 * time.Hour,
			Active: d.Rows >= minPSIRows && d.PSI >= 0.25, Value: finite(d.PSI), From: from, Until: w.at,
			Detail: fmt.Sprintf("PSI %.3f, by chance %.4f, %s", d.PSI, d.NoiseFloor, distance)})
	}
	for i, name := range view.Numbers() {
		ref := w.statistics.Numbers[name]
		if err := add(name, ref.Compare(numbers[i])); err != nil {
			return err
		}
	}
	for i, name := range view.Categories() {
		ref := w.statistics.Categories[name]
		if err := add(name, ref.Compare(categories[i])); err != nil {
			return err
		}
	}
	scores, err := w.scoresSince(ctx, from)
	if err != nil {
		return err
	}
	if w.scores != nil && len(scores) > 0 {
		if err := add("score", w.scores.Compare(scores)); err != nil {
			return err
		}
	}
	return copyRows(ctx, w.tx, "drift", []string{"as_of", "model", "version", "feature", "psi", "noise_floor", "ks", "js", "null_rate", "rows"}, out)
}

func (w *watch) scoresSince(ctx context.Context, from time.Time) ([]float64, error) {
	rows, err := w.tx.Query(ctx, "select score from lab.predictions where occurred_at >= $1 and occurred_at < $2 and known_at < $2 and model = $3 and version = $4 and not served",
		from, w.at, w.live.Model, w.live.Version)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[float64])
}

// performance warns where the champion is worse than it was at its training, beyond chance. While labels are missing it
// says nothing: those that are known are not a sample of the others.
func (w *watch) performance(ctx context.Context) error {
	if err := w.endFormer(ctx); err != nil {
		return err
	}
	if w.live == nil {
		return nil
	}
	var lines []EvaluationLine
	if err := collect(ctx, w.tx, &lines, "select "+evaluationColumns+" from lab.evaluations where model = $1 and version = $2 and labels = 'provisional' and as_of = $3",
		w.live.Model, w.live.Version, w.at); err != nil {
		return err
	}
	e := EvaluationLine{}
	if len(lines) > 0 {
		e = lines[0]
	}
	a := alert{Name: "performance", Subject: subject(w.live.Model, w.live.Version), Severity: "critical", For: 48 * time.Hour,
		From: w.at.Add(-evaluationDays * 24 * time.Hour), Until: w.at}
	outage, err := alertFiring(ctx, w.tx, "label_outage", w.lab.shape.Labels)
	if err != nil {
		return err
	}
	policy := w.lab.scenario.Policy().Retrain
	switch {
	case w.lab.shape.Target == Class && w.trainedAUC != nil:
		a.Expression = fmt.Sprintf("auc_7d <= trained - %.2f, and the interval lies below the trained one", policy.AUCLoss)
		if e.AUC != nil {
			a.Active = !outage && e.Positives >= minPositives && *e.AUC <= *w.trainedAUC-policy.AUCLoss && *e.High < *w.trainedAUC
			a.Value, a.Detail = *e.AUC, fmt.Sprintf("AUC of the last 7 days, provisional: %.3f with %d positives, at training %.3f", *e.AUC, e.Positives, *w.trainedAUC)
		}
	case w.lab.shape.Target == Amount && w.trainedErr != nil:
		a.Expression = fmt.Sprintf("error_7d >= trained * %.2f", 1+policy.ErrorRise)
		if e.MAPE != nil {
			a.Active = !outage && e.N >= minAmounts && *e.MAPE >= *w.trainedErr*(1+policy.ErrorRise)
			a.Value, a.Detail = *e.MAPE, fmt.Sprintf("mean error of the last 7 days: %.1f %% of %d, at training %.1f %%", 100**e.MAPE, e.N, 100**w.trainedErr)
		}
	default:
		return nil
	}
	return w.alert(ctx, a)
}

// endFormer ends alerts about the performance of versions that do not act any more.
func (w *watch) endFormer(ctx context.Context) error {
	for key := range w.open {
		if key[0] == "performance" && (w.live == nil || key[1] != subject(w.live.Model, w.live.Version)) {
			if err := w.alert(ctx, alert{Name: key[0], Subject: key[1], Severity: "critical", Detail: "another version acts now"}); err != nil {
				return err
			}
		}
	}
	return nil
}
