package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// Answer is what a client is told.
type Answer struct {
	Score      float64 `json:"score"`
	Decision   bool    `json:"decision"`
	Model      string  `json:"model"`
	Version    int     `json:"version"`
	Role       string  `json:"role"`
	Prediction string  `json:"prediction_id"`
}

// maxInstances is how many instances one call may bring.
const maxInstances = 1000

// Predict answers about instances: it computes their features from what is known about their keys now, asks the model's
// versions, and logs every answer in one transaction. The version that acts answers; with an alias, the one that it means.
func (l *Lab) Predict(ctx context.Context, name, alias string, instances []json.RawMessage) ([]Answer, error) {
	if len(instances) == 0 || len(instances) > maxInstances {
		return nil, fmt.Errorf("%d instances: %w; give 1 to %d", len(instances), howdah.ErrInvalid, maxInstances)
	}
	now, err := l.publishedUntil(ctx)
	if err != nil {
		return nil, err
	}
	live, err := aliasesAt(ctx, l.db.Pool(), name, now)
	if err != nil {
		return nil, err
	}
	if alias != "" {
		names := make([]string, len(live))
		for i, m := range live {
			names[i] = m.Alias
		}
		live = slices.DeleteFunc(live, func(m AliasMove) bool { return m.Alias != alias })
		if len(live) == 0 {
			return nil, fmt.Errorf("model %s has no alias %q: %w; it has: %s", name, alias, howdah.ErrNotFound, strings.Join(names, ", "))
		}
	}
	if len(live) == 0 {
		return nil, fmt.Errorf("model %s has no version with an alias: %w; `howdah lab status` lists those that have", name, howdah.ErrNotFound)
	}
	facts := make([]Fact, len(instances))
	for i, x := range instances {
		if facts[i], err = l.scenario.Request(x, now); err != nil {
			return nil, fmt.Errorf("instance %d: %w: %w", i, err, howdah.ErrInvalid)
		}
	}
	began := time.Now()
	rows, err := l.AsOf(ctx, l.db.Pool(), facts)
	if err != nil {
		return nil, err
	}
	joined := time.Since(began).Microseconds() / int64(len(facts))
	view := l.scenario.View()
	var all []Prediction
	out := make([]Answer, len(facts))
	for i := range facts {
		answers, err := l.answers(ctx, live, &facts[i], rows[i], view, view.AppendJSON(nil, rows[i]))
		if err != nil {
			return nil, err
		}
		if len(answers) == 0 {
			return nil, fmt.Errorf("model %s: no version with an alias can be run here: %w", name, howdah.ErrInvalid)
		}
		acting := &answers[0]
		for j := range answers {
			a := &answers[j]
			a.ID = hashID("served", a.ID, randomID())
			a.LatencyUS += joined
			a.Served = true
			if alias != "" { // asked for by name: nobody acts on it
				a.Role, a.Acted = alias, false
			}
			if a.Acted {
				acting = a
			}
		}
		out[i] = Answer{acting.Score, acting.Decision, acting.Model, acting.Version, acting.Role, acting.ID}
		all = append(all, answers...)
	}
	err = pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		_, err := l.logPredictions(ctx, tx, all)
		return err
	})
	return out, err
}
