package metric

import (
	"math"
	"slices"
)

// AveragePrecision is the area under the precision-recall curve as a sum of steps; rows of one score enter together.
func AveragePrecision(scores []float64, positive []bool) float64 {
	order := byScore(scores)
	slices.Reverse(order)
	total := count(positive)
	if total == 0 {
		return math.NaN()
	}
	ap, hits, before := 0.0, 0, 0
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			if positive[order[j]] {
				hits++
			}
			j++
		}
		ap += float64(hits-before) / float64(total) * float64(hits) / float64(j)
		before, i = hits, j
	}
	return ap
}

func count(positive []bool) int {
	n := 0
	for _, p := range positive {
		if p {
			n++
		}
	}
	return n
}

// AtK are precision and recall of the k rows with the highest scores. Rows that tie at the border count by their share.
func AtK(scores []float64, positive []bool, k int) (precision, recall float64) {
	total := count(positive)
	k = min(k, len(scores))
	if k <= 0 {
		return math.NaN(), math.NaN()
	}
	order := byScore(scores)
	slices.Reverse(order)
	border := scores[order[k-1]]
	hits, above, tied, tiedHits := 0.0, 0, 0, 0.0
	for i, s := range scores {
		hit := 0.0
		if positive[i] {
			hit = 1
		}
		switch {
		case s > border:
			above++
			hits += hit
		case s == border:
			tied++
			tiedHits += hit
		}
	}
	hits += tiedHits * float64(k-above) / float64(tied)
	precision, recall = hits/float64(k), math.NaN()
	if total > 0 {
		recall = hits / float64(total)
	}
	return precision, recall
}

// RecallAtFPR is the share of the positives above the lowest threshold that keeps false positives at or below a rate.
func RecallAtFPR(scores []float64, positive []bool, rate float64) float64 {
	total := count(positive)
	if total == 0 {
		return math.NaN()
	}
	negatives := len(scores) - total
	order := byScore(scores)
	slices.Reverse(order)
	hits, false_, best := 0, 0, 0
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			if positive[order[j]] {
				hits++
			} else {
				false_++
			}
			j++
		}
		if float64(false_) > rate*float64(negatives) {
			break
		}
		best, i = hits, j
	}
	return float64(best) / float64(total)
}

// Threshold is the score of the k-th highest row: k rows reach it, more where others tie with it.
func Threshold(scores []float64, k int) float64 {
	if len(scores) == 0 || k <= 0 {
		return math.Inf(1)
	}
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	return sorted[max(0, len(sorted)-k)]
}
