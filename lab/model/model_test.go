package model

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/howdah/howdah/lab/feature"
)

var toy = feature.View{Name: "toy", Version: 1, Columns: []feature.Column{
	{Name: "a", Kind: feature.Number}, {Name: "colour", Kind: feature.Category}, {Name: "b", Kind: feature.Number},
}}

// draw makes rows whose log odds are 0.5 + 1.2 a - 0.7 b + 1 for red, b null in a tenth of them.
func draw(seed uint64, n int) (*feature.Table, []float64) {
	r := rand.New(rand.NewPCG(seed, 0))
	t, y := feature.NewTable(toy, n), []float64{}
	for range n {
		a, b, colour := r.NormFloat64()*3+1, r.NormFloat64(), []string{"red", "green"}[r.IntN(2)]
		z := 0.5 + 1.2*a - 0.7*b
		if colour == "red" {
			z++
		}
		if r.IntN(10) == 0 {
			b = math.NaN()
		}
		t.Append(feature.Row{Numbers: []float64{a, b}, Categories: []string{colour}})
		y = append(y, flag(r.Float64() < sigmoid(z)))
	}
	return t, y
}

func TestLogisticFindsTheTruthAndTheMinimum(t *testing.T) {
	table, y := draw(1, 40_000)
	m, err := Fit(Spec{Name: "m", Kind: Logistic, L2: 1}, table, y)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Coefficients[0] / m.Numbers[0].SD; math.Abs(got-1.2) > 0.05 {
		t.Errorf("coefficient of a is %v, want 1.2", got)
	}
	if got := m.Coefficients[4] - m.Coefficients[3]; math.Abs(got-1) > 0.15 {
		t.Errorf("red minus green is %v, want 1: %v", got, m.Inputs())
	}
	// No small step in any direction lowers the loss.
	p := len(m.Coefficients) + 1
	var x []float64
	for i := range table.Len() {
		x = m.encode(append(x, 1), table.Row(i))
	}
	w := append([]float64{m.Intercept}, m.Coefficients...)
	least := logisticLoss(x, p, y, w, 1)
	for j := range w {
		for _, step := range []float64{-1e-3, 1e-3} {
			w[j] += step
			if l := logisticLoss(x, p, y, w, 1); l <= least {
				t.Errorf("a step of %v along %d lowers the loss by %v", step, j, least-l)
			}
			w[j] -= step
		}
	}
}

func TestModelIsItsJSON(t *testing.T) {
	table, y := draw(2, 3000)
	spec := Spec{Name: "m", Kind: Logistic, L2: 1}
	m, err := Fit(spec, table, y)
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Fit(spec, table, y)
	if err != nil {
		t.Fatal(err)
	}
	if same, _ := again.JSON(); !bytes.Equal(text, same) {
		t.Error("the same table gives another model")
	}
	loaded, err := Load(text, toy)
	if err != nil {
		t.Fatal(err)
	}
	strange := feature.Row{Numbers: []float64{2, math.NaN()}, Categories: []string{"blue"}}
	for _, r := range []feature.Row{table.Row(0), table.Row(7), strange} {
		if a, b := m.Score(r), loaded.Score(r); a != b || a <= 0 || a >= 1 {
			t.Errorf("score %v, after loading %v", a, b)
		}
		sum := m.Intercept
		for _, c := range m.Explain(r) {
			sum += c.Adds
		}
		if math.Abs(sigmoid(sum)-m.Score(r)) > 1e-12 {
			t.Errorf("the contributions give %v, the score is %v", sigmoid(sum), m.Score(r))
		}
	}
	other := toy
	other.Version = 2
	if _, err := Load(text, other); err == nil {
		t.Error("a model is loaded for another view")
	}
	if _, err := Load(bytes.Replace(text, []byte(`"intercept"`), []byte(`"intercepd"`), 1), toy); err == nil {
		t.Error("an unknown field is accepted")
	}
}

func TestRidge(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	table, y := feature.NewTable(toy, 0), []float64{}
	for range 2000 {
		a, b := r.NormFloat64(), r.NormFloat64()
		table.Append(feature.Row{Numbers: []float64{a, b}, Categories: []string{"red"}})
		y = append(y, 10+3*a-2*b+0.1*r.NormFloat64())
	}
	m, err := Fit(Spec{Name: "m", Kind: Linear, Features: []string{"a", "b"}}, table, y)
	if err != nil {
		t.Fatal(err)
	}
	got := m.Score(feature.Row{Numbers: []float64{1, 1}, Categories: []string{"green"}})
	if math.Abs(got-11) > 0.05 {
		t.Errorf("predicts %v, want 11", got)
	}
}

func TestFitRefuses(t *testing.T) {
	table, y := draw(4, 100)
	for name, c := range map[string]struct {
		spec Spec
		y    []float64
		want string
	}{
		"unknown feature": {Spec{Kind: Logistic, Features: []string{"c"}}, y, `no feature "c"`},
		"unknown kind":    {Spec{Kind: "tree"}, y, "unknown kind"},
		"one class":       {Spec{Kind: Logistic, L2: 1}, make([]float64, 100), "one class"},
		"no class":        {Spec{Kind: Logistic, L2: 1}, append(make([]float64, 99), 0.5), "0 or 1"},
		"too few targets": {Spec{Kind: Logistic}, y[:9], "9 targets"},
		"negative l2":     {Spec{Kind: Logistic, L2: -1}, y, "l2 is -1"},
	} {
		if _, err := Fit(c.spec, table, c.y); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
