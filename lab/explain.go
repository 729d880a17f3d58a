package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/model"
)

// Explanation says where a prediction comes from.
type Explanation struct {
	Prediction    string               `json:"prediction_id"`
	Fact          json.RawMessage      `json:"fact"`
	Model         string               `json:"model"`
	Version       int                  `json:"version"`
	Role          string               `json:"role"`
	Acted         bool                 `json:"acted"`
	Score         float64              `json:"score"`
	Threshold     float64              `json:"threshold"`
	Decision      bool                 `json:"decision"`
	OccurredAt    time.Time            `json:"occurred_at"`
	KnownAt       time.Time            `json:"known_at"`
	Dataset       *int                 `json:"dataset"`
	DatasetSHA256 *string              `json:"dataset_sha256"`
	CodeVersion   string               `json:"code_version"`
	View          string               `json:"feature_view"`
	Features      json.RawMessage      `json:"features"`
	Contributions []model.Contribution `json:"contributions"` // to the sum behind the score, greatest first
	Source        SourceEvent          `json:"source_event"`
	Enrichment    []EnrichmentVersion  `json:"enrichment"`
	Label         *float64             `json:"label"` // as known now
}

// SourceEvent is the event that a fact was made of.
type SourceEvent struct {
	Topic   string `json:"topic"`
	ID      int64  `json:"id"`
	EventID string `json:"event_id"`
	Payload string `json:"payload"`
}

// EnrichmentVersion is the version of reference data that the features saw.
type EnrichmentVersion struct {
	Collection string          `json:"collection"`
	Key        string          `json:"key"`
	ValidFrom  time.Time       `json:"valid_from"`
	KnownAt    time.Time       `json:"known_at"`
	Doc        json.RawMessage `json:"doc"`
}

// Explain takes a prediction apart.
func (l *Lab) Explain(ctx context.Context, id string) (*Explanation, error) {
	x := &Explanation{Prediction: id}
	var fact, key1, key2 string
	var row feature.Row
	var eventID [16]byte
	q := l.db.Pool()
	err := q.QueryRow(ctx, `select p.fact_id, p.model, p.version, p.role, p.acted, p.score, p.threshold, p.decision, p.occurred_at, p.known_at,
			v.dataset, d.sha256, v.code_version, v.feature_view
		from lab.predictions p join lab.versions v using (model, version) left join lab.datasets d using (dataset) where prediction_id = $1`, id).
		Scan(&fact, &x.Model, &x.Version, &x.Role, &x.Acted, &x.Score, &x.Threshold, &x.Decision, &x.OccurredAt, &x.KnownAt, &x.Dataset, &x.DatasetSHA256, &x.CodeVersion, &x.View)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("prediction %q: %w; ids are in the topic %s and in lab.predictions", id, howdah.ErrNotFound, topicPredictions)
	}
	if err != nil {
		return nil, err
	}
	x.OccurredAt, x.KnownAt = x.OccurredAt.UTC(), x.KnownAt.UTC()
	err = q.QueryRow(ctx, `select f.doc, coalesce(f.key1, ''), coalesce(f.key2, ''), f.event_id, f.source_id, x.numbers, x.categories,
			(select value from lab.labels l where l.fact_id = f.fact_id order by known_at desc, reported_at desc limit 1)
		from lab.facts f join lab.features x on x.fact_id = f.fact_id and x.view = $2 where f.fact_id = $1`, fact, l.scenario.View().ID()).
		Scan(&x.Fact, &key1, &key2, &eventID, &x.Source.ID, &row.Numbers, &row.Categories, &x.Label)
	if errors.Is(err, pgx.ErrNoRows) { // asked over HTTP about something that never came as an event
		return x, nil
	}
	if err != nil {
		return nil, err
	}
	view := l.scenario.View()
	x.Features = view.AppendJSON(nil, row)
	if m, err := l.scorers.get(ctx, x.Model, x.Version); err != nil {
		return nil, err
	} else if m != nil {
		x.Contributions = m.Explain(row)
	}
	x.Source.Topic, x.Source.EventID = l.shape.Facts, formatUUID(eventID)
	events, err := l.db.Topic(l.shape.Facts).Read(ctx, x.Source.ID-1, 1)
	if err != nil {
		return nil, err
	}
	if len(events) == 1 && events[0].ID == x.Source.ID {
		x.Source.Payload = string(events[0].Payload)
	}
	return x, collect(ctx, q, &x.Enrichment, `select distinct on (collection, key) collection, key, valid_from, known_at, doc from lab.profiles
		where key in ($1, $2) and valid_from <= $3 and known_at < $4 order by collection, key, valid_from desc, known_at desc`, key1, key2, x.OccurredAt, x.KnownAt)
}
