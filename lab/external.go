package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/metric"
	"github.com/howdah/howdah/lab/model"
)

// ExternalVersion is a model that was trained elsewhere on one of the lab's datasets. It brings its scores of the test
// rows; what they are worth is computed here.
type ExternalVersion struct {
	Dataset    int                `json:"dataset" minimum:"1" doc:"number of the dataset it was trained on"`
	TestScores map[string]float64 `json:"test_scores" doc:"score of every test row, by fact_id"`
	Tags       map[string]string  `json:"tags,omitempty"`
	Artefact   string             `json:"artefact,omitempty" doc:"key of the model file in the bucket models"`
	Inputs     []string           `json:"inputs,omitempty" doc:"the columns it reads"`
	Code       string             `json:"code_version,omitempty"`
}

// RegisterExternal registers a version that was trained elsewhere, measures it on the test rows of its dataset, and puts it
// to the gate. It cannot be run here, so it gets no alias.
func (l *Lab) RegisterExternal(ctx context.Context, name string, x ExternalVersion) (*Version, error) {
	v := &Version{Model: name, Kind: model.External, View: l.scenario.View().ID(), Dataset: &x.Dataset, Tags: x.Tags, Artefact: x.Artefact,
		Signature: Signature{x.Inputs, "score"}, CodeVersion: x.Code, Triggers: []string{"external"}}
	err := pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) (err error) {
		if v.CreatedAt, err = l.arrived(ctx, tx); err != nil {
			return err
		}
		scores, truth, positive, err := l.testRows(ctx, tx, x)
		if err != nil {
			return err
		}
		p := l.scenario.Policy()
		if l.shape.Target == Class {
			v.Metrics = classMetrics(scores, positive, p.AlertsDay*p.TestDays)
			auc := metric.AUC(scores, positive)
			v.Gate.add("auc", auc.Value >= p.Gate.MinAUC, auc.Value, "at least %.2f", p.Gate.MinAUC)
			n := 0
			for _, y := range positive {
				n += bit(y)
			}
			v.Gate.add("test positives", n >= p.Gate.MinPositives, float64(n), "at least %d", p.Gate.MinPositives)
		} else {
			v.Metrics = amountMetrics(scores, truth)
		}
		threshold := metric.Threshold(scores, p.AlertsDay*p.TestDays)
		v.Threshold = &threshold
		if x.Artefact != "" {
			if _, err := l.db.Bucket(bucketModels).HeadTx(ctx, tx, x.Artefact); err != nil {
				return fmt.Errorf("artefact %q: %w", x.Artefact, err)
			}
		}
		return l.register(ctx, tx, v, nil)
	})
	return v, err
}

// testRows are the labels of a dataset's test rows, as known when it was built, beside the scores that were brought.
func (l *Lab) testRows(ctx context.Context, tx pgx.Tx, x ExternalVersion) (scores, truth []float64, positive []bool, err error) {
	var text []byte
	err = tx.QueryRow(ctx, "select manifest from lab.datasets where dataset = $1", x.Dataset).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, nil, fmt.Errorf("there is no dataset %d: %w", x.Dataset, howdah.ErrNotFound)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, nil, nil, fmt.Errorf("manifest of dataset %d: %w", x.Dataset, err)
	}
	rows, err := tx.Query(ctx, `select f.fact_id, coalesce(l.value, 0) from lab.features f left join `+latestLabels+` l using (fact_id)
		where f.view = $2 and f.occurred_at >= $3 and f.occurred_at < $4 and f.known_at < $1 and ($5 or l.value is not null)`,
		m.AsOf, m.View, m.TestFrom, m.TestUntil, l.shape.Target == Class)
	if err != nil {
		return nil, nil, nil, err
	}
	var id string
	var y float64
	missing := ""
	_, err = pgx.ForEachRow(rows, []any{&id, &y}, func() error {
		s, ok := x.TestScores[id]
		if !ok {
			missing = id
		}
		scores, truth, positive = append(scores, s), append(truth, y), append(positive, y > 0.5)
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if missing != "" || len(scores) != len(x.TestScores) {
		return nil, nil, nil, fmt.Errorf("%d scores for %d test rows of dataset %d (missing: %q): %w; give one for each row with split = test",
			len(x.TestScores), len(scores), x.Dataset, missing, howdah.ErrInvalid)
	}
	return scores, truth, positive, nil
}

// DatasetInfo describes a dataset to somebody who wants to train on it.
type DatasetInfo struct {
	Dataset  int             `json:"dataset"`
	Bucket   string          `json:"bucket"`
	Object   string          `json:"object"`
	Manifest json.RawMessage `json:"manifest"`
}

// Datasets lists the datasets, oldest first.
func (l *Lab) Datasets(ctx context.Context) (all []DatasetInfo, err error) {
	err = collect(ctx, l.db.Pool(), &all, "select dataset, '"+bucketDatasets+"', object, manifest from lab.datasets order by dataset")
	return all, err
}
