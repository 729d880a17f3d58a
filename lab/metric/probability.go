package metric

import "math"

// smallest keeps a logarithm finite.
const smallest = 1e-15

// LogLoss is the mean negative log-likelihood of probabilities.
func LogLoss(p []float64, positive []bool) float64 {
	if len(p) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for i, v := range p {
		v = min(max(v, smallest), 1-smallest)
		if positive[i] {
			sum -= math.Log(v)
		} else {
			sum -= math.Log1p(-v)
		}
	}
	return sum / float64(len(p))
}

// Brier is the mean squared error of probabilities.
func Brier(p []float64, positive []bool) float64 {
	if len(p) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for i, v := range p {
		if positive[i] {
			v = 1 - v
		}
		sum += v * v
	}
	return sum / float64(len(p))
}

// ECE is the expected calibration error over so many bins of equal width: the mean distance between what was said and
// what came, weighted by rows.
func ECE(p []float64, positive []bool, bins int) float64 {
	if len(p) == 0 || bins < 1 {
		return math.NaN()
	}
	said, came := make([]float64, bins), make([]float64, bins)
	for i, v := range p {
		b := min(max(int(v*float64(bins)), 0), bins-1)
		said[b] += v
		if positive[i] {
			came[b]++
		}
	}
	sum := 0.0
	for b := range said {
		sum += math.Abs(said[b] - came[b])
	}
	return sum / float64(len(p))
}

// Regression are the metrics of a model that predicts an amount.
type Regression struct {
	RMSE float64 `json:"rmse"`
	MAE  float64 `json:"mae"`
	MAPE float64 `json:"mape"` // mean absolute error in shares of the truth
	R2   float64 `json:"r2"`
}

// Regress compares predictions with the truth.
func Regress(predicted, truth []float64) Regression {
	n := float64(len(truth))
	if n == 0 {
		return Regression{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	var mean, square, absolute, share, total float64
	for _, y := range truth {
		mean += y / n
	}
	for i, y := range truth {
		d := predicted[i] - y
		square += d * d
		absolute += math.Abs(d)
		share += math.Abs(d / y)
		total += (y - mean) * (y - mean)
	}
	return Regression{RMSE: math.Sqrt(square / n), MAE: absolute / n, MAPE: share / n, R2: 1 - square/total}
}

// Quantile of sorted values, linear between two of them.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
