package lab

import (
	"context"
	"fmt"
	"time"
)

// Evaluations are the windows of all versions whose end lies after an instant of scenario time, by that end.
func (l *Lab) Evaluations(ctx context.Context, after time.Time) (all []EvaluationLine, err error) {
	err = collect(ctx, l.db.Pool(), &all, "select "+evaluationColumns+" from lab.evaluations where as_of > $1 order by as_of, model, version", after)
	return all, err
}

// Drift is the distance of every feature from the champion's training data, after an instant of scenario time.
func (l *Lab) Drift(ctx context.Context, after time.Time) (all []DriftLine, err error) {
	err = collect(ctx, l.db.Pool(), &all, "select feature, as_of, version, psi, noise_floor, ks from lab.drift where as_of > $1 order by as_of, feature", after)
	return all, err
}

// Runs are the last trainings, or why there was none, the oldest first.
func (l *Lab) Runs(ctx context.Context, limit int) (all []RunLine, err error) {
	err = collect(ctx, l.db.Pool(), &all, "select * from (select as_of, triggers, outcome, detail from lab.runs order by as_of desc limit $1) x order by as_of", limit)
	return all, err
}

// Injection is a fault that was switched on by hand.
type Injection struct {
	Fault string    `json:"fault"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Share float64   `json:"share"`
}

// Injections lists the faults that were injected, oldest first.
func (l *Lab) Injections(ctx context.Context) (all []Injection, err error) {
	if err = l.db.Pool().QueryRow(ctx, "select injected from lab.settings").Scan(&all); err != nil {
		return nil, fmt.Errorf("read the injected faults: %w", err)
	}
	return all, nil
}
