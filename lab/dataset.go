package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/parquet-go/parquet-go"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/feature"
	"github.com/howdah/howdah/lab/metric"
)

// Label policies: which rows a training may use although not all labels are known.
const (
	Wait        = "wait"         // only rows older than the horizon
	PositiveNow = "positive-now" // positives at once, negatives after the horizon
)

// Manifest says what a dataset is. The same inputs give the same manifest and the same bytes.
type Manifest struct {
	Scenario      string    `json:"scenario"`
	Seed          uint64    `json:"seed"`
	AsOf          time.Time `json:"as_of"` // labels as known before it
	From          time.Time `json:"from"`
	Until         time.Time `json:"until"`
	TestFrom      time.Time `json:"test_from"`
	TestUntil     time.Time `json:"test_until"`
	Horizon       string    `json:"maturity_horizon"`
	Policy        string    `json:"label_policy"`
	Join          string    `json:"point_in_time_join"`
	View          string    `json:"feature_view"`
	Rows          int       `json:"rows"`
	TrainRows     int       `json:"train_rows"`
	TestRows      int       `json:"test_rows"`
	Positives     int       `json:"positives"` // targets above 0
	TestPositives int       `json:"test_positives"`
	SHA256        string    `json:"sha256"` // of the Parquet file
}

// Statistics describe the training rows of a dataset: the reference for drift.
type Statistics struct {
	Numbers    map[string]metric.Numeric    `json:"numbers"`
	Categories map[string]metric.Categories `json:"categories"`
}

// Dataset is a built dataset.
type Dataset struct {
	Number     int
	Manifest   Manifest
	Statistics Statistics
	Facts      []string
	At         []time.Time
	Rows       *feature.Table
	Target     []float64
	Test       []bool
}

// part is the training or the test rows.
func (d *Dataset) part(test bool) (rows *feature.Table, target []float64, positive []bool) {
	rows = feature.NewTable(d.Rows.View, d.Rows.Len())
	for i := range d.Test {
		if d.Test[i] == test {
			rows.Append(d.Rows.Row(i))
			target = append(target, d.Target[i])
			positive = append(positive, d.Target[i] > 0.5)
		}
	}
	return rows, target, positive
}

// latestLabels is the state of each fact's label as known before $1.
const latestLabels = `(select distinct on (fact_id) fact_id, value from lab.labels where known_at < $1
	order by fact_id, known_at desc, reported_at desc)`

// buildDataset cuts a dataset as of an instant, stores it as Parquet, and registers it. One that exists with the same
// bytes is that one.
func (l *Lab) buildDataset(ctx context.Context, tx pgx.Tx, asOf time.Time, policy string) (*Dataset, error) {
	p := l.scenario.Policy()
	day := 24 * time.Hour
	until := asOf.Add(-p.Horizon)
	m := Manifest{Scenario: l.info.Scenario, Seed: l.info.Seed, AsOf: asOf.UTC(), From: until.Add(-time.Duration(p.TrainDays) * day).UTC(), Until: until.UTC(),
		TestFrom: until.Add(-time.Duration(p.TestDays) * day).UTC(), TestUntil: until.UTC(), Horizon: p.Horizon.String(), Policy: policy,
		Join: "features as known when the fact arrived; label as known at as_of", View: l.scenario.View().ID()}
	switch policy {
	case Wait:
	case PositiveNow:
		m.Until = asOf.UTC()
	default:
		return nil, fmt.Errorf("label policy %q: %w; there are %s and %s", policy, howdah.ErrInvalid, Wait, PositiveNow)
	}
	d := &Dataset{Manifest: m, Rows: feature.NewTable(l.scenario.View(), 1<<16)}
	rows, err := tx.Query(ctx, `select f.fact_id, f.occurred_at, f.numbers, f.categories, l.value
		from lab.features f left join `+latestLabels+` l using (fact_id)
		where f.view = $2 and f.occurred_at >= $3 and f.occurred_at < $4 and f.known_at < $1
			and (f.occurred_at < $5 or l.value > 0) and ($6 or l.value is not null)
		order by f.occurred_at, f.fact_id collate "C"`, asOf, m.View, m.From, m.Until, until, l.shape.Target == Class)
	if err != nil {
		return nil, fmt.Errorf("build a dataset: %w", err)
	}
	var id string
	var at time.Time
	var row feature.Row
	var value *float64
	_, err = pgx.ForEachRow(rows, []any{&id, &at, &row.Numbers, &row.Categories, &value}, func() error {
		target := 0.0
		if value != nil {
			target = *value
		}
		test := !at.Before(m.TestFrom) && at.Before(m.TestUntil)
		d.Facts, d.At, d.Target, d.Test = append(d.Facts, id), append(d.At, at.UTC()), append(d.Target, target), append(d.Test, test)
		d.Rows.Append(row)
		d.Manifest.Rows++
		if target > 0 {
			d.Manifest.Positives++
		}
		if test {
			d.Manifest.TestRows++
			if target > 0 {
				d.Manifest.TestPositives++
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("build a dataset: %w", err)
	}
	d.Manifest.TrainRows = d.Manifest.Rows - d.Manifest.TestRows
	if d.Manifest.TrainRows == 0 || d.Manifest.TestRows == 0 {
		return nil, fmt.Errorf("build a dataset as of %s: %d rows to train on and %d to test on between %s and %s: %w; let more days pass first", asOf.Format(time.RFC3339),
			d.Manifest.TrainRows, d.Manifest.TestRows, m.From.Format(time.RFC3339), m.Until.Format(time.RFC3339), errTooEarly)
	}
	d.describe()
	file, err := d.parquet()
	if err != nil {
		return nil, fmt.Errorf("write a dataset: %w", err)
	}
	sum := sha256.Sum256(file)
	d.Manifest.SHA256 = hex.EncodeToString(sum[:])
	return d, l.storeDataset(ctx, tx, d, file)
}

var errTooEarly = errors.New("too early")

func (d *Dataset) describe() {
	train, _, _ := d.part(false)
	d.Statistics = Statistics{map[string]metric.Numeric{}, map[string]metric.Categories{}}
	for i, name := range d.Rows.View.Numbers() {
		d.Statistics.Numbers[name] = metric.NewNumeric(train.Numbers[i], 10)
	}
	for i, name := range d.Rows.View.Categories() {
		d.Statistics.Categories[name] = metric.NewCategories(train.Categories[i])
	}
}

func (l *Lab) storeDataset(ctx context.Context, tx pgx.Tx, d *Dataset, file []byte) error {
	err := tx.QueryRow(ctx, "select dataset from lab.datasets where sha256 = $1 and as_of = $2", d.Manifest.SHA256, d.Manifest.AsOf).Scan(&d.Number)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if err := tx.QueryRow(ctx, "select coalesce(max(dataset), 0) + 1 from lab.datasets").Scan(&d.Number); err != nil {
		return err
	}
	folder := fmt.Sprintf("%s/%05d/", d.Manifest.View, d.Number)
	manifest, err := json.MarshalIndent(d.Manifest, "", "  ")
	if err != nil {
		return err
	}
	statistics, err := json.Marshal(d.Statistics)
	if err != nil {
		return err
	}
	for name, o := range map[string]struct {
		kind string
		body []byte
	}{"data.parquet": {"application/vnd.apache.parquet", file}, "manifest.json": {"application/json", manifest}, "statistics.json": {"application/json", statistics}} {
		if err := l.putObject(ctx, tx, bucketDatasets, folder+name, o.kind, o.body); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `insert into lab.datasets (dataset, as_of, sha256, rows, positives, manifest, statistics, object) overriding system value
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		d.Number, d.Manifest.AsOf, d.Manifest.SHA256, d.Manifest.Rows, d.Manifest.Positives, d.Manifest, d.Statistics, folder+"data.parquet")
	return err
}

// parquet writes the rows: fact_id, occurred_at, target, split, and a column for each feature.
func (d *Dataset) parquet() ([]byte, error) {
	view := d.Rows.View
	group := parquet.Group{
		"fact_id": parquet.String(), "occurred_at": parquet.Timestamp(parquet.Microsecond), "target": parquet.Leaf(parquet.DoubleType), "split": parquet.String(),
	}
	for _, c := range view.Columns {
		if c.Kind == feature.Number {
			group[c.Name] = parquet.Optional(parquet.Leaf(parquet.DoubleType))
		} else {
			group[c.Name] = parquet.Optional(parquet.String())
		}
	}
	schema := parquet.NewSchema(view.ID(), group)
	var out bytes.Buffer
	w := parquet.NewWriter(&out, schema, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("howdah", "1", ""))
	place := map[string]int{}
	for _, path := range schema.Columns() {
		leaf, _ := schema.Lookup(path...)
		place[path[0]] = leaf.ColumnIndex
	}
	numbers, categories := view.Numbers(), view.Categories()
	rows := make([]parquet.Row, 0, 1024)
	for i := range d.Facts {
		split := "train"
		if d.Test[i] {
			split = "test"
		}
		row := parquet.Row{
			parquet.ValueOf(d.Facts[i]).Level(0, 0, place["fact_id"]), parquet.ValueOf(d.At[i].UnixMicro()).Level(0, 0, place["occurred_at"]),
			parquet.ValueOf(d.Target[i]).Level(0, 0, place["target"]), parquet.ValueOf(split).Level(0, 0, place["split"]),
		}
		for c, name := range numbers {
			if x := d.Rows.Numbers[c][i]; x != x {
				row = append(row, parquet.NullValue().Level(0, 0, place[name]))
			} else {
				row = append(row, parquet.ValueOf(x).Level(0, 1, place[name]))
			}
		}
		for c, name := range categories {
			if x := d.Rows.Categories[c][i]; x == "" {
				row = append(row, parquet.NullValue().Level(0, 0, place[name]))
			} else {
				row = append(row, parquet.ValueOf(x).Level(0, 1, place[name]))
			}
		}
		slices.SortFunc(row, func(a, b parquet.Value) int { return cmp.Compare(a.Column(), b.Column()) })
		if rows = append(rows, row); len(rows) == cap(rows) || i == len(d.Facts)-1 {
			if _, err := w.WriteRows(rows); err != nil {
				return nil, err
			}
			rows = rows[:0]
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
