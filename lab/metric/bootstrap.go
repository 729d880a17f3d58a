package metric

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Comparison is what a paired bootstrap says about two models on the same rows.
type Comparison struct {
	Delta   float64 `json:"delta"`    // by how much the second is better
	Low     float64 `json:"low"`      // 95 % interval
	High    float64 `json:"high"`     //
	PBetter float64 `json:"p_better"` // share of the samples in which the second is better
	Samples int     `json:"samples"`
}

// PairedAUC draws rows with replacement, the same for both models, and compares the AUCs of each sample. Samples without
// both classes are left out.
func PairedAUC(first, second []float64, positive []bool, samples int, seed uint64) Comparison {
	a, b := newWeighted(first, positive), newWeighted(second, positive)
	return bootstrap(len(positive), samples, seed, func(weights []int32) float64 { return b.auc(weights) - a.auc(weights) })
}

// PairedError does the same for amounts: by how much the mean absolute error, in shares of the truth, of the second is less.
func PairedError(first, second, truth []float64, samples int, seed uint64) Comparison {
	gain := make([]float64, len(truth))
	for i, y := range truth {
		gain[i] = (math.Abs(first[i]-y) - math.Abs(second[i]-y)) / math.Abs(y)
	}
	return bootstrap(len(truth), samples, seed, func(weights []int32) (d float64) {
		for i, w := range weights {
			d += float64(w) * gain[i]
		}
		return d / float64(len(weights))
	})
}

// bootstrap measures the gain in samples of n rows, each given by how often it has a row.
func bootstrap(n, samples int, seed uint64, gain func(weights []int32) float64) Comparison {
	r := rand.New(rand.NewPCG(seed, 0x6a09e667f3bcc908))
	weights := make([]int32, n)
	var deltas []float64
	better := 0.0
	for range samples {
		clear(weights)
		for range weights {
			weights[r.IntN(len(weights))]++
		}
		d := gain(weights)
		if math.IsNaN(d) {
			continue
		}
		deltas = append(deltas, d)
		switch {
		case d > 0:
			better++
		case d == 0:
			better += 0.5
		}
	}
	slices.Sort(deltas)
	for i := range weights {
		weights[i] = 1
	}
	return Comparison{Delta: gain(weights), Low: Quantile(deltas, 0.025), High: Quantile(deltas, 0.975),
		PBetter: better / float64(len(deltas)), Samples: len(deltas)}
}

// weighted is a model's ranking, sorted once, so that the AUC of a sample is one pass.
type weighted struct {
	order    []int
	scores   []float64
	positive []bool
}

func newWeighted(scores []float64, positive []bool) weighted {
	return weighted{byScore(scores), scores, positive}
}

func (w weighted) auc(weights []int32) float64 {
	var won, below, positives, negatives float64
	for i := 0; i < len(w.order); {
		j, p, n := i, 0.0, 0.0
		for j < len(w.order) && w.scores[w.order[j]] == w.scores[w.order[i]] {
			if row := w.order[j]; w.positive[row] {
				p += float64(weights[row])
			} else {
				n += float64(weights[row])
			}
			j++
		}
		won += p * (below + n/2)
		below += n
		positives += p
		negatives += n
		i = j
	}
	return won / (positives * negatives)
}
