package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/feature"
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
// versions, and logs every answer in one statement. The version that acts answers; with an alias, the one that it means.
func (l *Lab) Predict(ctx context.Context, name, alias string, instances []json.RawMessage) ([]Answer, error) {
	if len(instances) == 0 || len(instances) > maxInstances {
		return nil, fmt.Errorf("%d instances: %w; give 1 to %d", len(instances), howdah.ErrInvalid, maxInstances)
	}
	began := time.Now()
	pool, err := l.answering(ctx)
	if err != nil {
		return nil, err
	}
	facts, rows, live, err := l.lookUp(ctx, pool, name, instances)
	if err != nil {
		return nil, err
	}
	if live, err = meant(name, alias, live); err != nil {
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
	_, err = logPredictions(ctx, pool, all)
	return out, err
}

// lookUp reads instances, what the model's aliases mean, and everything that the instances' features need, in one round
// trip: what it takes to answer is mostly the way to the database and back. The histories are therefore asked for before
// the scenario time is known, without an upper bound; the features see to that themselves.
func (l *Lab) lookUp(ctx context.Context, pool *pgxpool.Pool, name string, instances []json.RawMessage) (facts []Fact, rows []feature.Row, live []AliasMove, err error) {
	now := time.UnixMilli(l.arrivedMS.Load()).UTC() // no later than the scenario time is
	if now.UnixMilli() == 0 {
		if now, err = l.publishedUntil(ctx); err != nil {
			return nil, nil, nil, err
		}
	}
	if facts, err = l.requests(instances, now); err != nil {
		return nil, nil, nil, err
	}
	var b pgx.Batch
	index := l.queueLookUp(&b, name, facts, &now, &live)
	if err := pool.SendBatch(ctx, &b).Close(); err != nil {
		return nil, nil, nil, fmt.Errorf("look up what a prediction needs: %w", err)
	}
	l.arrivedMS.Store(now.UnixMilli())
	if facts, err = l.requests(instances, now.UTC()); err != nil {
		return nil, nil, nil, err
	}
	rows, err = computeAll(index, facts)
	return facts, rows, live, err
}

// queueLookUp adds the queries of lookUp to a batch, which fills in the scenario time that has arrived, the aliases of then,
// and the index that is returned.
func (l *Lab) queueLookUp(b *pgx.Batch, name string, facts []Fact, now *time.Time, live *[]AliasMove) Index {
	b.Queue("select arrived_until from lab.settings").QueryRow(func(row pgx.Row) error { return row.Scan(now) })
	b.Queue(aliasColumns+` where model = $1 and from_time <= (select arrived_until from lab.settings)
		and (until_time is null or until_time > (select arrived_until from lab.settings)) order by id`, name).
		Query(func(rows pgx.Rows) (err error) {
			*live, err = collectAliases(rows, nil)
			return err
		})
	return l.queueHistories(b, facts, time.Time{})
}

func (l *Lab) requests(instances []json.RawMessage, now time.Time) ([]Fact, error) {
	facts := make([]Fact, len(instances))
	for i, x := range instances {
		var err error
		if facts[i], err = l.scenario.Request(x, now); err != nil {
			return nil, fmt.Errorf("instance %d: %w: %w", i, err, howdah.ErrInvalid)
		}
	}
	return facts, nil
}

// meant leaves the aliases that were asked for: all, or the one that is named.
func meant(name, alias string, live []AliasMove) ([]AliasMove, error) {
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
	return live, nil
}
