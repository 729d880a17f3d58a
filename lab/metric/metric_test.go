package metric

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.6f, want %.6f within %g", what, got, want, tolerance)
	}
}

// sample draws scores of two normal laws that lie d standard deviations apart; rounding makes ties.
func sample(r *rand.Rand, n int, share, d float64, digits float64) (scores []float64, positive []bool) {
	for range n {
		p, s := r.Float64() < share, r.NormFloat64()
		if p {
			s += d
		}
		scores, positive = append(scores, math.Round(s*digits)/digits), append(positive, p)
	}
	return scores, positive
}

// pairs is the definition of AUC: all pairs.
func pairs(scores []float64, positive []bool) float64 {
	won, n := 0.0, 0.0
	for i := range scores {
		for j := range scores {
			if positive[i] && !positive[j] {
				n++
				switch {
				case scores[i] > scores[j]:
					won++
				case scores[i] == scores[j]:
					won += 0.5
				}
			}
		}
	}
	return won / n
}

func TestAUCIsTheShareOfPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	for range 50 {
		scores, positive := sample(r, 200, 0.2, 1, 5)
		near(t, "AUC", AUC(scores, positive).Value, pairs(scores, positive), 1e-12)
	}
	if a := AUC([]float64{1, 2}, []bool{false, false}); !math.IsNaN(a.Value) {
		t.Errorf("an AUC without positives is %v", a.Value)
	}
}

// The interval holds the true value about 95 times in 100, and the standard error is the scatter that is seen.
func TestAUCInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 0))
	want := 0.5 * math.Erfc(-1.8/2) // of two normal laws 1.8 apart: the distribution function of 1.8 / root 2
	held, width, scatter := 0, 0.0, 0.0
	const runs = 400
	for range runs {
		scores, positive := sample(r, 6000, 0.02, 1.8, 1e9)
		a := AUC(scores, positive)
		if a.Low <= want && want <= a.High {
			held++
		}
		width += a.SE / runs
		scatter += (a.Value - want) * (a.Value - want) / runs
	}
	if held < runs*91/100 || held > runs*985/1000 {
		t.Errorf("%d of %d intervals hold the true value", held, runs)
	}
	near(t, "standard error", width, math.Sqrt(scatter), 0.1*width)
	if rule := AUCStandardError(want, 120); rule < width {
		t.Errorf("the rule of thumb, %v, is not the careful one: %v", rule, width)
	}
	near(t, "rule of thumb, 22 positives", AUCStandardError(0.9, 22), 0.044, 0.001)
	near(t, "rule of thumb, 580 positives", AUCStandardError(0.9, 580), 0.009, 0.001)
}

func TestRanking(t *testing.T) {
	scores := []float64{0.9, 0.8, 0.7, 0.7, 0.2}
	positive := []bool{true, false, true, false, true}
	// Steps at 1 of 1, 2 of 4 and 3 of 5.
	near(t, "average precision", AveragePrecision(scores, positive), (1+0.5+0.6)/3, 1e-12)
	precision, recall := AtK(scores, positive, 3)
	near(t, "precision at 3", precision, 1.5/3, 1e-12) // the third place is shared by a positive and a negative
	near(t, "recall at 3", recall, 1.5/3, 1e-12)
	near(t, "recall at no false positive", RecallAtFPR(scores, positive, 0), 1.0/3, 1e-12)
	near(t, "recall at half", RecallAtFPR(scores, positive, 0.5), 1.0/3, 1e-12)
	near(t, "recall at all", RecallAtFPR(scores, positive, 1), 1, 1e-12)
	near(t, "threshold of 2", Threshold(scores, 2), 0.8, 0)
}

func TestProbabilities(t *testing.T) {
	p, positive := []float64{0.9, 0.2, 0.2, 0.6}, []bool{true, false, true, false}
	near(t, "log loss", LogLoss(p, positive), -(math.Log(0.9)+math.Log(0.8)+math.Log(0.2)+math.Log(0.4))/4, 1e-12)
	near(t, "Brier", Brier(p, positive), (0.01+0.04+0.64+0.36)/4, 1e-12)
	near(t, "ECE", ECE(p, positive, 10), (0.1+0.6+0.6)/4, 1e-12)
	r := Regress([]float64{110, 180}, []float64{100, 200})
	near(t, "MAPE", r.MAPE, 0.1, 1e-12)
	near(t, "MAE", r.MAE, 15, 1e-12)
	near(t, "RMSE", r.RMSE, math.Sqrt(250), 1e-12)
	near(t, "R2", r.R2, 1-500.0/5000, 1e-12)
}

// For two normal laws d standard deviations apart PSI is about d² and the KS distance 2Φ(d/2) - 1.
func TestDriftOfShiftedNormals(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 0))
	draw := func(n int, shift float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = r.NormFloat64() + shift
		}
		return x
	}
	ref := draw(200_000, 0)
	d := NewNumeric(ref, 20)
	for _, shift := range []float64{0.1, 0.3, 0.5} {
		now := draw(200_000, shift)
		got := d.Compare(now)
		near(t, "PSI", got.PSI, shift*shift, 0.06*shift*shift+0.0005)
		near(t, "KS", got.KS, math.Erf(shift/2/math.Sqrt2), 0.006)
		exact, _ := KS(ref, now)
		near(t, "KS against the whole reference", got.KS, exact, 0.006)
		if got.JS <= 0 || got.JS > got.PSI/4 {
			t.Errorf("JS is %v beside a PSI of %v", got.JS, got.PSI)
		}
	}
	mean, floor := 0.0, 0.0
	ten := NewNumeric(draw(100_000, 0), 10)
	for range 200 {
		got := ten.Compare(draw(2000, 0))
		mean += got.PSI / 200
		floor = got.NoiseFloor
	}
	near(t, "PSI without drift", mean, floor, 0.001)
	near(t, "noise floor", floor, 9*(1.0/2000+1.0/100_000), 1e-12)
	if _, p := KS(draw(14_000, 0), draw(14_000, 0.05)); p > 0.05 {
		t.Errorf("14,000 rows do not show a shift of 0.05: p = %v", p)
	}
}

func TestDriftOfOddSamples(t *testing.T) {
	constant := NewNumeric([]float64{1, 1, 1, 1}, 10)
	near(t, "PSI of a constant", constant.Compare([]float64{1, 1, 1}).PSI, 0, 1e-12)
	near(t, "KS of a constant", constant.Compare([]float64{1, 1, 1}).KS, 0, 1e-12)
	flags := make([]float64, 1000)
	for i := range 250 {
		flags[i] = 1
	}
	d := NewNumeric(flags, 10)
	got := d.Compare(append(flags[:500:500], math.NaN(), math.NaN()))
	if got.PSI < 0.2 || got.Rows != 500 {
		t.Errorf("a flag from 25 to 50 %%: %+v", got)
	}
	near(t, "KS of a flag", got.KS, 0.25, 0.01)
	near(t, "null rate", got.NullRate, 2.0/502, 1e-12)
	empty := NewNumeric([]float64{math.NaN()}, 10)
	if c := empty.Compare([]float64{1}); !math.IsNaN(c.PSI) || empty.Nulls != 1 {
		t.Errorf("an empty reference: %+v", c)
	}
	names := NewCategories([]string{"a", "a", "b", ""})
	if c := names.Compare([]string{"a", "a", "b", "c", "c"}); c.PSI < 0.3 || c.Rows != 5 {
		t.Errorf("a new name: %+v", c)
	}
}

// The comparison of a model with a noisy copy of it: the better one wins, equal ones tie, the seed decides all.
func TestPairedError(t *testing.T) {
	truth, near, far := make([]float64, 200), make([]float64, 200), make([]float64, 200)
	for i := range truth {
		truth[i] = float64(100 + i)
		near[i], far[i] = truth[i]*1.1, truth[i]*0.7
	}
	c := PairedError(far, near, truth, 300, 7)
	if math.Abs(c.Delta-0.2) > 1e-9 || c.PBetter != 1 || math.Abs(c.Low-0.2) > 1e-9 {
		t.Errorf("from 30 %% to 10 %% off: %+v", c)
	}
	if c := PairedError(near, near, truth, 100, 7); c.PBetter != 0.5 || c.Delta != 0 {
		t.Errorf("the same twice: %+v", c)
	}
}

func TestPairedAUC(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 0))
	good, positive := sample(r, 8000, 0.03, 2, 1e9)
	poor := make([]float64, len(good))
	for i := range good {
		poor[i] = good[i] + r.NormFloat64()
	}
	c := PairedAUC(poor, good, positive, 300, 7)
	if c.PBetter < 0.99 || c.Low <= 0 || c.High < c.Delta || c != PairedAUC(poor, good, positive, 300, 7) {
		t.Errorf("better model: %+v", c)
	}
	near(t, "delta", c.Delta, AUC(good, positive).Value-AUC(poor, positive).Value, 1e-12)
	if c := PairedAUC(good, good, positive, 100, 7); c.PBetter != 0.5 || c.Delta != 0 {
		t.Errorf("the same model: %+v", c)
	}
}
