package model

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/howdah/howdah/lab/feature"
)

const (
	maxIterations = 60
	tolerance     = 1e-8 // of the greatest step of a coefficient
)

// Fit trains a model on a table. The targets are 0 or 1 for Logistic, amounts for Linear.
func Fit(spec Spec, t *feature.Table, target []float64) (*Model, error) {
	if t.Len() != len(target) || t.Len() == 0 {
		return nil, fmt.Errorf("train %s: %d rows and %d targets", spec.Name, t.Len(), len(target))
	}
	if spec.L2 < 0 {
		return nil, fmt.Errorf("train %s: l2 is %v; give 0 or more", spec.Name, spec.L2)
	}
	m := &Model{Format: 1, Name: spec.Name, Kind: spec.Kind, View: t.View.ID(), L2: spec.L2}
	if err := m.learnEncoding(spec, t); err != nil {
		return nil, err
	}
	if err := m.bind(t.View); err != nil {
		return nil, err
	}
	p := len(m.Inputs()) + 1
	x := make([]float64, 0, t.Len()*p) // the intercept first
	for i := range t.Len() {
		x = m.encode(append(x, 1), t.Row(i))
	}
	var w []float64
	var err error
	switch spec.Kind {
	case Logistic:
		w, m.Iterations, err = logistic(x, p, target, spec.L2)
	case Linear:
		w, err = ridge(x, p, target, spec.L2)
		m.Iterations = 1
	default:
		err = fmt.Errorf("unknown kind %q; there are %s and %s", spec.Kind, Logistic, Linear)
	}
	if err != nil {
		return nil, fmt.Errorf("train %s: %w", spec.Name, err)
	}
	m.Intercept, m.Coefficients = w[0], w[1:]
	return m, nil
}

func (m *Model) learnEncoding(spec Spec, t *feature.Table) error {
	wanted := func(name string) bool { return len(spec.Features) == 0 || slices.Contains(spec.Features, name) }
	numbers, categories := t.View.Numbers(), t.View.Categories()
	for _, name := range spec.Features {
		if !slices.Contains(numbers, name) && !slices.Contains(categories, name) {
			return fmt.Errorf("train %s: the view %s has no feature %q", spec.Name, t.View.ID(), name)
		}
	}
	for i, name := range numbers {
		if wanted(name) {
			m.Numbers = append(m.Numbers, learnNumber(name, t.Numbers[i]))
		}
	}
	for i, name := range categories {
		if !wanted(name) {
			continue
		}
		values := slices.Compact(slices.Sorted(slices.Values(t.Categories[i])))
		m.Categories = append(m.Categories, Category{name, slices.DeleteFunc(values, func(v string) bool { return v == "" })})
	}
	return nil
}

func learnNumber(name string, x []float64) Number {
	n, sum, square := 0.0, 0.0, 0.0
	for _, v := range x {
		if !math.IsNaN(v) {
			n++
			sum += v
		}
	}
	out := Number{Name: name, SD: 1, Flag: int(n) < len(x)}
	if n == 0 {
		return out
	}
	out.Mean = sum / n
	for _, v := range x {
		if !math.IsNaN(v) {
			square += (v - out.Mean) * (v - out.Mean)
		}
	}
	if sd := math.Sqrt(square / n); sd > 1e-12 {
		out.SD = sd
	}
	return out
}

// logistic finds the minimum of the negative log-likelihood plus l2/2 |w|² by Newton's method. A step that does not
// lower it is halved.
func logistic(x []float64, p int, y []float64, l2 float64) (w []float64, iterations int, err error) {
	for _, v := range y {
		if v != 0 && v != 1 {
			return nil, 0, fmt.Errorf("a target is %v; a class is 0 or 1", v)
		}
	}
	if slices.Min(y) == slices.Max(y) {
		return nil, 0, errors.New("all targets are of one class")
	}
	n := len(y)
	w = make([]float64, p)
	weighted := make([]float64, len(x))
	loss := logisticLoss(x, p, y, w, l2)
	for iterations = 1; iterations <= maxIterations; iterations++ {
		gradient := mat.NewVecDense(p, nil)
		g := gradient.RawVector().Data
		for i := range n {
			row := x[i*p : (i+1)*p]
			q := sigmoid(dot(row, w))
			root := math.Sqrt(q * (1 - q))
			for j, v := range row {
				g[j] += (q - y[i]) * v
				weighted[i*p+j] = root * v
			}
		}
		var hessian mat.SymDense
		hessian.SymOuterK(1, mat.NewDense(n, p, weighted).T())
		penalise(&hessian, g, w, l2)
		step, err := solve(&hessian, gradient)
		if err != nil {
			return nil, iterations, err
		}
		size, greatest := 1.0, 0.0
		for {
			next := make([]float64, p)
			greatest = 0
			for j := range next {
				next[j] = w[j] - size*step.AtVec(j)
				greatest = max(greatest, math.Abs(size*step.AtVec(j)))
			}
			if l := logisticLoss(x, p, y, next, l2); l <= loss || greatest < tolerance {
				w, loss = next, l
				break
			}
			size /= 2
		}
		if greatest < tolerance {
			return w, iterations, nil
		}
	}
	return nil, iterations, fmt.Errorf("no minimum in %d steps; set l2 above 0", maxIterations)
}

func logisticLoss(x []float64, p int, y, w []float64, l2 float64) float64 {
	loss := 0.0
	for i := range y {
		z := dot(x[i*p:(i+1)*p], w)
		// log(1 + e^z) - y z without overflow
		loss += max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - y[i]*z
	}
	for _, v := range w[1:] {
		loss += l2 / 2 * v * v
	}
	return loss
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// penalise adds the penalty's part to the second derivative and the gradient; the intercept is free. A trace keeps the
// matrix regular where an input is the same in all rows.
func penalise(h *mat.SymDense, g, w []float64, l2 float64) {
	for j := range w {
		add := 1e-9
		if j > 0 {
			add += l2
			g[j] += l2 * w[j]
		}
		h.SetSym(j, j, h.At(j, j)+add)
	}
}

func solve(h *mat.SymDense, g *mat.VecDense) (*mat.VecDense, error) {
	var factor mat.Cholesky
	if !factor.Factorize(h) {
		return nil, errors.New("inputs depend on each other; set l2 above 0")
	}
	out := mat.NewVecDense(g.Len(), nil)
	err := factor.SolveVecTo(out, g)
	var bad mat.Condition
	if errors.As(err, &bad) { // solved, with few digits; the next step corrects it
		err = nil
	}
	return out, err
}

// ridge solves least squares plus l2 |w|².
func ridge(x []float64, p int, y []float64, l2 float64) ([]float64, error) {
	var h mat.SymDense
	all := mat.NewDense(len(y), p, x)
	h.SymOuterK(1, all.T())
	g := mat.NewVecDense(p, nil)
	g.MulVec(all.T(), mat.NewVecDense(len(y), y))
	penalise(&h, make([]float64, p), make([]float64, p), l2)
	w, err := solve(&h, g)
	if err != nil {
		return nil, err
	}
	return w.RawVector().Data, nil
}
