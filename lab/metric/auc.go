package metric

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is a value with its standard error and 95 % interval.
type Estimate struct {
	Value float64 `json:"value"`
	SE    float64 `json:"se"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// z95 is the 97.5 % quantile of the normal law.
var z95 = distuv.UnitNormal.Quantile(0.975)

func estimate(value, se float64) Estimate {
	return Estimate{Value: value, SE: se, Low: max(0, value-z95*se), High: min(1, value+z95*se)}
}

// byScore are the indices of scores, ascending. Ties are in the order of the rows.
func byScore(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	return order
}

// midranks are the ranks from 1, ties sharing their mean.
func midranks(x []float64) []float64 {
	order, ranks := byScore(x), make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			ranks[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return ranks
}

// AUC is the probability that a positive scores above a negative, ties counting half, with DeLong's standard error.
func AUC(scores []float64, positive []bool) Estimate {
	var pos, neg []float64
	for i, s := range scores {
		if positive[i] {
			pos = append(pos, s)
		} else {
			neg = append(neg, s)
		}
	}
	m, n := float64(len(pos)), float64(len(neg))
	if m == 0 || n == 0 {
		return Estimate{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	all := midranks(slices.Concat(pos, neg))
	rp, rn := midranks(pos), midranks(neg)
	sum := 0.0
	v10, v01 := make([]float64, len(pos)), make([]float64, len(neg))
	for i := range pos {
		sum += all[i]
		v10[i] = (all[i] - rp[i]) / n
	}
	for j := range neg {
		v01[j] = 1 - (all[len(pos)+j]-rn[j])/m
	}
	auc := (sum - m*(m+1)/2) / (m * n)
	return estimate(auc, math.Sqrt(variance(v10)/m+variance(v01)/n))
}

// variance is the sample variance; of one value it is 0.
func variance(x []float64) float64 {
	if len(x) < 2 {
		return 0
	}
	mean, sum := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		sum += (v - mean) * (v - mean)
	}
	return sum / float64(len(x)-1)
}

// AUCStandardError is the rule of thumb for an AUC with so many positives and many more negatives.
func AUCStandardError(auc float64, positives int) float64 {
	return math.Sqrt((2*auc*auc/(1+auc) - auc*auc) / float64(positives))
}
