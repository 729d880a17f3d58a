package draw

import (
	"math"
	"sort"
)

// Norm is a normal draw with mean 0 and standard deviation 1 (Marsaglia's polar method: a logarithm and a root).
func (r *Rand) Norm() float64 {
	for {
		u := float64(2*r.Float()) - 1
		v := float64(2*r.Float()) - 1
		s := float64(u*u) + float64(v*v)
		if s > 0 && s < 1 {
			return float64(u * math.Sqrt(float64(-2*Log(s))/s))
		}
	}
}

// LogNormal has the given median; sigma is the standard deviation of its logarithm.
func (r *Rand) LogNormal(median, sigma float64) float64 {
	return float64(median * Exp(float64(sigma*r.Norm())))
}

// Gamma has an integer shape and the given mean: the sum of that many exponential draws.
func (r *Rand) Gamma(shape int, mean float64) float64 {
	sum := 0.0
	for range shape {
		sum -= Log(r.open())
	}
	return float64(sum*mean) / float64(shape)
}

// Poisson counts events whose expected number is lambda (up to about 700).
func (r *Rand) Poisson(lambda float64) int {
	if !(lambda > 0) {
		return 0
	}
	p := Exp(-lambda)
	u, sum := r.Float(), p
	for k := 0; ; k++ {
		// Past the last float below one the sum stops growing: p is then too small to count.
		if u < sum || (float64(k) > lambda && p < 1e-18) {
			return k
		}
		p = float64(p*lambda) / float64(k+1)
		sum += p
	}
}

// Geometric is the number of trials up to and with the first success, each with probability p in (0, 1].
// It is at most 2^40, which stands for "never".
func (r *Rand) Geometric(p float64) int64 {
	u := r.open()
	if p >= 1 {
		return 1
	}
	n := 1 + math.Floor(Log(u)/Log(1-p))
	if !(n < 1<<40) {
		return 1 << 40
	}
	return int64(n)
}

// Weights is a table for drawing an index with given weights.
type Weights struct{ upTo []uint64 }

// NewWeights prepares a table. Weights are quantised to 32 bits after the point; a negative one counts as zero.
func NewWeights(weights []float64) *Weights {
	w := &Weights{upTo: make([]uint64, len(weights))}
	sum := uint64(0)
	for i, x := range weights {
		if x > 0 {
			sum += uint64(Round(x * (1 << 32)))
		}
		w.upTo[i] = sum
	}
	return w
}

// Ranks is the table of rank^exponent for the ranks 1 … n.
func Ranks(n int, exponent float64) *Weights {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = Exp(float64(exponent * Log(float64(i+1))))
	}
	return NewWeights(weights)
}

// Len is the number of indexes.
func (w *Weights) Len() int { return len(w.upTo) }

// Share is the probability of index i in millionths.
func (w *Weights) Share(i int) int64 {
	below := uint64(0)
	if i > 0 {
		below = w.upTo[i-1]
	}
	total := w.upTo[len(w.upTo)-1]
	return Round(float64(w.upTo[i]-below) / float64(total) * 1e6)
}

// Pick draws an index. It panics when all weights are zero.
func (w *Weights) Pick(r *Rand) int { return w.PickFirst(r, len(w.upTo)) }

// PickFirst draws among the first n indexes only.
func (w *Weights) PickFirst(r *Rand, n int) int {
	total := w.upTo[n-1]
	if total == 0 {
		panic("draw: all weights are zero")
	}
	u := uint64(r.Between(0, int64(total)-1))
	return sort.Search(n-1, func(i int) bool { return u < w.upTo[i] })
}
