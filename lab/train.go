package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/metric"
	"github.com/howdah/howdah/lab/model"
)

// train is the pipeline that, at the beginning of every scenario day, decides about the versions in shadow, then whether
// to train again, and does so.
func (l *Lab) train(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, last time.Time, err error) {
	ticks, err := readTicks(batch)
	if err != nil {
		return 0, last, err
	}
	through, err := l.again(ctx, tx, pipeTrain, batch)
	if err != nil {
		return 0, last, err
	}
	for i, t := range ticks {
		last = later(last, t.At)
		if !t.Day || batch[i].ID <= through { // what was decided stays decided
			continue
		}
		if err := l.awaitIDs(ctx, tx, map[string]int64{topicClock: batch[i].ID}, pipeMonitor, pipeEvaluate); err != nil {
			return 0, last, err
		}
		if err := l.judgeTrials(ctx, tx, t.At); err != nil {
			return 0, last, fmt.Errorf("judge the versions in shadow at %s: %w", t.At.Format(time.DateOnly), err)
		}
		triggers, held, err := l.triggers(ctx, tx, t.At)
		if err != nil {
			return 0, last, err
		}
		if len(triggers) == 0 {
			continue
		}
		outcome, detail := "held", map[string]any{"why": held}
		if held == "" {
			if outcome, detail, err = l.trainAll(ctx, tx, t.At, triggers, Wait); err != nil {
				return 0, last, err
			}
		}
		if err := recordRun(ctx, tx, t.At, triggers, outcome, detail); err != nil {
			return 0, last, err
		}
	}
	return 0, last, nil
}

func recordRun(ctx context.Context, tx pgx.Tx, at time.Time, triggers []string, outcome string, detail map[string]any) error {
	_, err := tx.Exec(ctx, "insert into lab.runs (as_of, triggers, outcome, detail) values ($1, $2, $3, $4) on conflict (as_of) do update set triggers = excluded.triggers, outcome = excluded.outcome, detail = excluded.detail",
		at, triggers, outcome, detail)
	return err
}

// triggers says what asks for a training, and what speaks against it.
func (l *Lab) triggers(ctx context.Context, tx pgx.Tx, at time.Time) (triggers []string, held string, err error) {
	p := l.scenario.Policy()
	var before *time.Time
	if err := tx.QueryRow(ctx, "select max(as_of) from lab.runs where outcome in ('registered', 'refused')").Scan(&before); err != nil {
		return nil, "", err
	}
	if before == nil {
		return []string{"first"}, "", nil
	}
	if at.Sub(*before) >= p.Every {
		triggers = append(triggers, "schedule")
	}
	champion, err := l.champion(ctx, tx, at)
	if err != nil {
		return nil, "", err
	}
	if champion != nil {
		firing, err := alertFiring(ctx, tx, "performance", subject(champion.Model, champion.Version))
		if err != nil {
			return nil, "", err
		}
		if firing {
			triggers = append(triggers, "performance")
		}
		var both int
		err = tx.QueryRow(ctx, `select count(*) from (select as_of from lab.drift where model = $1 and version = $2 and as_of in ($3, $4)
			group by as_of having avg((psi >= $5)::int) >= $6) x`, champion.Model, champion.Version, at, at.Add(-24*time.Hour), p.Retrain.PSI, p.Retrain.PSIShare).Scan(&both)
		if err != nil {
			return nil, "", err
		}
		if both == 2 {
			triggers = append(triggers, "drift")
		}
	}
	var positives int
	if err := tx.QueryRow(ctx, `select count(*) from lab.labels l join lab.facts f using (fact_id)
		where l.value > 0 and f.occurred_at < $1 and f.occurred_at >= $2`, at.Add(-p.Horizon), before.Add(-p.Horizon)).Scan(&positives); err != nil {
		return nil, "", err
	}
	if positives >= p.Retrain.NewPositives {
		triggers = append(triggers, "volume")
	}
	if len(triggers) == 0 {
		return nil, "", nil
	}
	if at.Sub(*before) < p.CoolDown {
		return triggers, "cool-down", nil
	}
	trials, err := l.trials(ctx, tx, at)
	if err == nil && len(trials) >= p.Trials {
		held = fmt.Sprintf("%d versions are in shadow", len(trials))
	}
	return triggers, held, err
}

// champion is the version that acts at an instant, or nil.
func (l *Lab) champion(ctx context.Context, tx pgx.Tx, at time.Time) (*AliasMove, error) {
	live, err := aliasesAt(ctx, tx, l.shape.Model, at)
	for i := range live {
		if live[i].Alias == Champion {
			return &live[i], err
		}
	}
	return nil, err
}

// trials are the versions that score silently at an instant, oldest first.
func (l *Lab) trials(ctx context.Context, tx pgx.Tx, at time.Time) (trials []AliasMove, err error) {
	live, err := aliasesAt(ctx, tx, l.shape.Model, at)
	return slices.DeleteFunc(live, func(m AliasMove) bool { return m.Alias != Challenger && m.Alias != Shadow }), err
}

// trainAll builds a dataset, trains, registers, and lets the gate decide. The comparison models are trained once.
func (l *Lab) trainAll(ctx context.Context, tx pgx.Tx, at time.Time, triggers []string, policy string) (outcome string, detail map[string]any, err error) {
	d, err := l.buildDataset(ctx, tx, at, policy)
	if errors.Is(err, errTooEarly) {
		return "too early", map[string]any{"why": err.Error()}, nil
	}
	if err != nil {
		return "", nil, err
	}
	p := l.scenario.Policy()
	outcome, detail = "registered", map[string]any{"dataset": d.Number}
	for i, spec := range p.Specs {
		lives := i == len(p.Specs)-1
		name := l.shape.Model
		if !lives {
			name += "_" + spec.Name
			var there bool
			if err := tx.QueryRow(ctx, "select exists (select from lab.versions where model = $1)", name).Scan(&there); err != nil {
				return "", nil, err
			}
			if there {
				continue
			}
		}
		v, m, err := l.fit(ctx, tx, name, spec, d)
		if err != nil {
			return "", nil, err
		}
		v.CreatedAt, v.Triggers, v.CodeVersion = at, triggers, l.code
		text, err := m.JSON()
		if err != nil {
			return "", nil, err
		}
		if err := l.register(ctx, tx, v, text); err != nil {
			return "", nil, err
		}
		if !lives {
			continue
		}
		detail["version"] = v.Version
		if !v.Gate.Passed {
			return "refused", detail, nil
		}
		if err := l.beginTrial(ctx, tx, at, v); err != nil {
			return "", nil, err
		}
	}
	return outcome, detail, nil
}

// beginTrial lets a version that has passed the gate score in shadow; where nobody acts yet, it acts.
func (l *Lab) beginTrial(ctx context.Context, tx pgx.Tx, at time.Time, v *Version) error {
	champion, err := l.champion(ctx, tx, at)
	if err != nil {
		return err
	}
	move := AliasMove{Model: v.Model, Version: v.Version, From: at, By: "train", Reason: "passed the gate"}
	if champion == nil {
		move.Alias, move.Reason = Champion, "the first version that passed the gate"
		return l.moveAlias(ctx, tx, move)
	}
	trials, err := l.trials(ctx, tx, at)
	if err != nil {
		return err
	}
	for _, t := range trials {
		if t.Alias == Challenger { // its trial goes on under another name
			if err := l.moveAlias(ctx, tx, AliasMove{Model: t.Model, Alias: Shadow, Version: t.Version, From: at, By: "train",
				Reason: fmt.Sprintf("version %d is the challenger now", v.Version)}); err != nil {
				return err
			}
		}
	}
	move.Alias = Challenger
	return l.moveAlias(ctx, tx, move)
}

// fit trains one model and puts it to the gate.
func (l *Lab) fit(ctx context.Context, tx pgx.Tx, name string, spec model.Spec, d *Dataset) (*Version, *model.Model, error) {
	p := l.scenario.Policy()
	train, target, _ := d.part(false)
	test, truth, positive := d.part(true)
	m, err := model.Fit(spec, train, target)
	if err != nil {
		return nil, nil, err
	}
	before, scores := m.Scores(train), m.Scores(test)
	m.Threshold = metric.Threshold(scores, p.AlertsDay*p.TestDays)
	v := &Version{Model: name, Kind: spec.Kind, View: d.Manifest.View, Dataset: &d.Number, Threshold: &m.Threshold,
		Tags: map[string]string{"spec": spec.Name, "validation_status": "pending"}, Signature: Signature{m.Inputs(), "score"}}
	reference := metric.NewNumeric(before, 10)
	if l.shape.Target == Class {
		v.Metrics = classMetrics(scores, positive, p.AlertsDay*p.TestDays)
	} else {
		v.Metrics = amountMetrics(scores, truth)
	}
	v.Metrics["score_reference"] = reference
	g := &v.Gate
	if l.shape.Target == Class {
		auc := metric.AUC(scores, positive)
		g.add("auc", auc.Value >= p.Gate.MinAUC, auc.Value, "at least %.2f", p.Gate.MinAUC)
		g.add("test positives", d.Manifest.TestPositives >= p.Gate.MinPositives, float64(d.Manifest.TestPositives), "at least %d", p.Gate.MinPositives)
	}
	psi := reference.Compare(scores).PSI
	g.add("score psi, train to test", psi < p.Gate.MaxScorePSI, psi, "below %.2f", p.Gate.MaxScorePSI)
	worst := nullRise(d, train, test)
	g.add("rise of a null rate, train to test", worst <= p.Gate.MaxNullRate, worst, "at most %.2f", p.Gate.MaxNullRate)
	p99 := scoringTime(m, d)
	g.add("p99 of scoring, ms", p99 < p.Gate.MaxP99, float64(p99.Microseconds())/1000, "below %v", p.Gate.MaxP99)
	differ, err := l.parity(ctx, tx, d, 200)
	if err != nil {
		return nil, nil, err
	}
	g.add("features by key that differ from the dataset's, of 200 facts", differ == 0, float64(differ), "0")
	v.Tags["validation_status"] = "refused"
	if g.Passed {
		v.Tags["validation_status"] = "passed"
	}
	return v, m, nil
}

// nullRise is the greatest rise of a feature's null rate from the training to the test rows.
func nullRise(d *Dataset, train, test interface{ Len() int }) (worst float64) {
	for c := range d.Rows.Numbers {
		var nulls [2]float64
		for i, x := range d.Rows.Numbers[c] {
			if math.IsNaN(x) {
				nulls[bit(d.Test[i])]++
			}
		}
		worst = max(worst, nulls[1]/float64(test.Len())-nulls[0]/float64(train.Len()))
	}
	return worst
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func scoringTime(m *model.Model, d *Dataset) time.Duration {
	n := min(1000, d.Rows.Len())
	times := make([]time.Duration, n)
	for i := range n {
		row := d.Rows.Row(i)
		began := time.Now()
		m.Score(row)
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[n*99/100]
}

// parity computes the features of some facts as serving does, by key, and counts those that differ from the dataset's.
func (l *Lab) parity(ctx context.Context, tx pgx.Tx, d *Dataset, n int) (differ int, err error) {
	step := max(1, len(d.Facts)/n)
	var names []string
	want := map[string]int{}
	for i := len(d.Facts) - 1; i >= 0 && len(names) < n; i -= step {
		names = append(names, d.Facts[i])
		want[d.Facts[i]] = i
	}
	facts, err := l.factsNamed(ctx, tx, names)
	if err != nil {
		return 0, fmt.Errorf("check parity: %w", err)
	}
	computed, err := l.AsOf(ctx, tx, facts)
	if err != nil {
		return 0, fmt.Errorf("check parity: %w", err)
	}
	differ = len(names) - len(facts)
	for i := range facts {
		if !computed[i].Equal(d.Rows.Row(want[facts[i].ID])) {
			differ++
		}
	}
	return differ, nil
}

// finite is what JSON can carry; what has no answer is 0 there, with its reason beside it.
func finite(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return x
}
