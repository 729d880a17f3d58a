package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/howdah/howdah/lab/feature"
)

// The kinds of models.
const (
	Logistic = "logistic_regression" // predicts a probability
	Linear   = "ridge_regression"    // predicts an amount
	External = "external"            // trained elsewhere; registered with its scores, not servable from here
)

// Spec says what to train.
type Spec struct {
	Name     string   `json:"name"`     // such as lr
	Kind     string   `json:"kind"`     // Logistic or Linear
	Features []string `json:"features"` // columns of the view; empty: all
	L2       float64  `json:"l2"`       // penalty on the squared coefficients; the intercept is free
}

// Number is how a numeric feature enters: (x - mean) / sd, with the mean for null, and a flag for null where training
// saw nulls.
type Number struct {
	Name string  `json:"name"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
	Flag bool    `json:"null_flag,omitempty"`
}

// Category is how a categorical feature enters: a flag for each value that training saw. Others set no flag.
type Category struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Model is a trained model.
type Model struct {
	Format       int        `json:"format"`
	Name         string     `json:"name"`
	Kind         string     `json:"kind"`
	View         string     `json:"feature_view"`
	L2           float64    `json:"l2"`
	Numbers      []Number   `json:"numbers"`
	Categories   []Category `json:"categories"`
	Intercept    float64    `json:"intercept"`
	Coefficients []float64  `json:"coefficients"` // in the order of Inputs
	Iterations   int        `json:"iterations"`
	Threshold    float64    `json:"threshold"` // of the score, from which on the model says yes

	numberAt, categoryAt []int // places in a row of the view
}

// Inputs names the inputs behind the features, one for each coefficient.
func (m *Model) Inputs() []string {
	var names []string
	for _, n := range m.Numbers {
		names = append(names, n.Name)
		if n.Flag {
			names = append(names, n.Name+" is null")
		}
	}
	for _, c := range m.Categories {
		for _, v := range c.Values {
			names = append(names, c.Name+" = "+v)
		}
	}
	return names
}

// bind finds the model's features in the rows of a view.
func (m *Model) bind(v feature.View) error {
	m.numberAt, m.categoryAt = nil, nil
	numbers, categories := v.Numbers(), v.Categories()
	for _, n := range m.Numbers {
		m.numberAt = append(m.numberAt, slices.Index(numbers, n.Name))
	}
	for _, c := range m.Categories {
		m.categoryAt = append(m.categoryAt, slices.Index(categories, c.Name))
	}
	if v.ID() != m.View || slices.Contains(m.numberAt, -1) || slices.Contains(m.categoryAt, -1) {
		return fmt.Errorf("model %s was trained on the view %s; its features are not all in %s", m.Name, m.View, v.ID())
	}
	return nil
}

// Load reads a model for rows of a view.
func Load(text []byte, v feature.View) (*Model, error) {
	m := &Model{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("read a model: %w", err)
	}
	if m.Format != 1 || m.Kind != Logistic && m.Kind != Linear {
		return nil, fmt.Errorf("read a model: format %d, kind %q; this program knows format 1, kinds %s and %s", m.Format, m.Kind, Logistic, Linear)
	}
	if n := len(m.Inputs()); n != len(m.Coefficients) {
		return nil, fmt.Errorf("read a model: %d coefficients for %d inputs", len(m.Coefficients), n)
	}
	return m, m.bind(v)
}

// JSON writes the model, always in the same way.
func (m *Model) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", " ")
	return append(text, '\n'), err
}

// encode appends a row's inputs.
func (m *Model) encode(x []float64, r feature.Row) []float64 {
	for i, n := range m.Numbers {
		v := r.Numbers[m.numberAt[i]]
		null := math.IsNaN(v)
		if null {
			v = n.Mean
		}
		x = append(x, (v-n.Mean)/n.SD)
		if n.Flag {
			x = append(x, flag(null))
		}
	}
	for i, c := range m.Categories {
		for _, v := range c.Values {
			x = append(x, flag(r.Categories[m.categoryAt[i]] == v))
		}
	}
	return x
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Score is the model's answer for one row: a probability or an amount.
func (m *Model) Score(r feature.Row) float64 {
	z := m.Intercept
	for i, x := range m.encode(make([]float64, 0, len(m.Coefficients)), r) {
		z += m.Coefficients[i] * x
	}
	if m.Kind == Logistic {
		return sigmoid(z)
	}
	return z
}

// Scores are the answers for a table.
func (m *Model) Scores(t *feature.Table) []float64 {
	scores := make([]float64, t.Len())
	for i := range scores {
		scores[i] = m.Score(t.Row(i))
	}
	return scores
}

// Contribution is what one input adds to the sum behind a score.
type Contribution struct {
	Input string  `json:"input"`
	Value float64 `json:"value"` // of the encoded input
	Adds  float64 `json:"adds"`
}

// Explain takes a score apart, the greatest contributions first.
func (m *Model) Explain(r feature.Row) []Contribution {
	names := m.Inputs()
	var out []Contribution
	for i, x := range m.encode(nil, r) {
		if x != 0 {
			out = append(out, Contribution{names[i], x, m.Coefficients[i] * x})
		}
	}
	slices.SortStableFunc(out, func(a, b Contribution) int {
		switch d := math.Abs(b.Adds) - math.Abs(a.Adds); {
		case d > 0:
			return 1
		case d < 0:
			return -1
		}
		return 0
	})
	return out
}

func sigmoid(z float64) float64 {
	if z >= 0 {
		return 1 / (1 + math.Exp(-z))
	}
	e := math.Exp(z)
	return e / (1 + e)
}
