package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/model"
)

// Prediction is an answer of a model, as it is logged.
type Prediction struct {
	ID          string          `json:"prediction_id"`
	Fact        string          `json:"fact_id"`
	Model       string          `json:"model"`
	Version     int             `json:"version"`
	Role        string          `json:"role"`
	Acted       bool            `json:"acted"` // this answer was followed
	Score       float64         `json:"score"`
	Threshold   float64         `json:"threshold"`
	Decision    bool            `json:"decision"`
	Features    json.RawMessage `json:"features"`
	View        string          `json:"feature_view_version"`
	OccurredAt  time.Time       `json:"occurred_at"`
	RequestedAt time.Time       `json:"requested_at"` // scenario time
	LatencyUS   int64           `json:"latency_us"`
	Served      bool            `json:"served,omitempty"` // asked for over HTTP or Go, not by an event
}

// scorers are loaded models; a version never changes, so they are kept.
type scorers struct {
	lab *Lab
	mu  sync.Mutex
	all map[string]*model.Model
}

func (s *scorers) get(ctx context.Context, name string, version int) (*model.Model, error) {
	key := name + "/" + strconv.Itoa(version)
	s.mu.Lock()
	m, ok := s.all[key]
	s.mu.Unlock()
	if ok {
		return m, nil
	}
	m, err := s.lab.loadModel(ctx, name, version)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]*model.Model{}
	}
	s.all[key] = m
	return m, nil
}

// answers asks every version that has an alias for an answer. The champion acts, or for its share of the entities the
// canary; the others answer silently. Roles of one version: its first alias.
func (l *Lab) answers(ctx context.Context, aliases []AliasMove, f *Fact, row feature.Row, view feature.View, features json.RawMessage) ([]Prediction, error) {
	acting := Champion
	for _, a := range aliases {
		if a.Alias == Canary && a.Share != nil && bucket(a.Model, f.Key1) < *a.Share {
			acting = Canary
		}
	}
	var out []Prediction
	for _, role := range []string{Champion, Canary, Challenger, Shadow} {
		for _, a := range aliases {
			if a.Alias != role || slices.ContainsFunc(out, func(p Prediction) bool { return p.Version == a.Version }) {
				continue
			}
			began := time.Now()
			m, err := l.scorers.get(ctx, a.Model, a.Version)
			if err != nil {
				return nil, err
			}
			if m == nil {
				continue
			}
			score := m.Score(row)
			out = append(out, Prediction{ID: hashID("prediction", f.ID, a.Model, strconv.Itoa(a.Version)), Fact: f.ID, Model: a.Model, Version: a.Version,
				Role: role, Acted: role == acting, Score: score, Threshold: m.Threshold, Decision: score >= m.Threshold,
				Features: features, View: view.ID(), OccurredAt: f.At.UTC(), RequestedAt: f.Known.UTC(), LatencyUS: time.Since(began).Microseconds()})
		}
	}
	return out, nil
}

// score is the pipeline that asks the models about every fact. Which version has which alias is asked for the instant at
// which the fact became known.
func (l *Lab) score(ctx context.Context, tx pgx.Tx, batch []howdah.Event) (out int64, last time.Time, err error) {
	through, err := l.again(ctx, tx, pipeScore, batch)
	if err != nil {
		return 0, last, err
	}
	moves, err := l.historyOf(ctx, tx, l.shape.Model)
	if err != nil {
		return 0, last, err
	}
	view := l.scenario.View()
	var all []Prediction
	for i := range batch {
		e := &batch[i]
		var fe featureEvent
		if err := json.Unmarshal(e.Payload, &fe); err != nil {
			return 0, last, fmt.Errorf("features event %d: %w", e.ID, err)
		}
		last = later(last, fe.KnownAt)
		if e.ID <= through { // what was answered stays answered
			continue
		}
		live := liveAt(moves, fe.KnownAt)
		if len(live) == 0 {
			continue
		}
		row, err := view.ParseJSON(fe.Features)
		if err != nil {
			return 0, last, err
		}
		f := Fact{ID: fe.FactID, Key1: e.Key, At: e.EventTime, Known: fe.KnownAt}
		answers, err := l.answers(ctx, live, &f, row, view, fe.Features)
		if err != nil {
			return 0, last, err
		}
		all = append(all, answers...)
	}
	if len(all) > 0 {
		out, err = logPredictions(ctx, tx, all)
	}
	return out, last, err
}

func (l *Lab) historyOf(ctx context.Context, tx pgx.Tx, name string) ([]AliasMove, error) {
	rows, err := tx.Query(ctx, aliasColumns+" where model = $1 order by id", name)
	return collectAliases(rows, err)
}

func liveAt(moves []AliasMove, at time.Time) (live []AliasMove) {
	for _, m := range moves {
		if !m.From.After(at) && (m.Until == nil || m.Until.After(at)) {
			live = append(live, m)
		}
	}
	return live
}
