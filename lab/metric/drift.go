package metric

import (
	"math"
	"slices"
)

// Numeric describes a reference sample of numbers: where its quantiles lie and how many rows each bin holds. It is small
// enough to be stored with a dataset, and everything below compares a current window with it.
type Numeric struct {
	Edges  []float64 `json:"edges"`  // between bins: bin i holds edges[i-1] < x <= edges[i]
	Counts []int     `json:"counts"` // one more than edges
	Nulls  int       `json:"nulls"`
	Mean   float64   `json:"mean"`
	SD     float64   `json:"sd"`
	Points []float64 `json:"points"` // 0 %, 1 %, … 100 % quantiles, for the KS distance
}

// NewNumeric cuts a sample into bins of equally many rows; fewer where values tie. NaN is null.
func NewNumeric(x []float64, bins int) Numeric {
	sorted := make([]float64, 0, len(x))
	for _, v := range x {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	d := Numeric{Nulls: len(x) - len(sorted)}
	if len(sorted) == 0 {
		d.Counts = []int{0}
		return d
	}
	for _, v := range sorted {
		d.Mean += v / float64(len(sorted))
	}
	d.SD = math.Sqrt(variance(sorted))
	for i := 1; i < bins; i++ {
		e := Quantile(sorted, float64(i)/float64(bins))
		if (len(d.Edges) == 0 || e > d.Edges[len(d.Edges)-1]) && e < sorted[len(sorted)-1] {
			d.Edges = append(d.Edges, e)
		}
	}
	d.Counts, _ = d.count(sorted)
	for i := range 101 {
		d.Points = append(d.Points, Quantile(sorted, float64(i)/100))
	}
	return d
}

func (d *Numeric) count(x []float64) (counts []int, nulls int) {
	counts = make([]int, len(d.Edges)+1)
	for _, v := range x {
		if math.IsNaN(v) {
			nulls++
			continue
		}
		bin, _ := slices.BinarySearch(d.Edges, v)
		counts[bin]++
	}
	return counts, nulls
}

// Drift is the distance of a window from its reference.
type Drift struct {
	Rows       int     `json:"rows"` // not null
	PSI        float64 `json:"psi"`
	NoiseFloor float64 `json:"noise_floor"` // what PSI would be on average without any drift
	KS         float64 `json:"ks"`
	KSP        float64 `json:"ks_p"` // p-value; on large samples look at the distance
	JS         float64 `json:"js"`   // Jensen-Shannon divergence, base 2, 0 to 1
	NullRate   float64 `json:"null_rate"`
}

// Compare measures how far a window lies from the reference.
func (d *Numeric) Compare(x []float64) Drift {
	counts, nulls := d.count(x)
	out := compareCounts(d.Counts, counts)
	out.NullRate = share(nulls, len(x))
	sorted := make([]float64, 0, len(x))
	for _, v := range x {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	n := 0
	for _, c := range d.Counts {
		n += c
	}
	out.KS = d.ks(sorted)
	out.KSP = ksP(out.KS, n, len(sorted))
	return out
}

// ks is the greatest distance between the window's distribution function and the reference's, at its 101 points.
func (d *Numeric) ks(sorted []float64) float64 {
	if len(sorted) == 0 || len(d.Points) == 0 {
		return math.NaN()
	}
	at := func(x float64, after bool) float64 {
		i, _ := slices.BinarySearchFunc(sorted, x, func(v, t float64) int {
			if v < t || after && v == t {
				return -1
			}
			return 1
		})
		return float64(i) / float64(len(sorted))
	}
	far := 0.0
	for i := 0; i < len(d.Points); {
		j := i // points that tie are one jump of the reference
		for j+1 < len(d.Points) && d.Points[j+1] == d.Points[i] {
			j++
		}
		if j == i { // on a smooth stretch the reference is i % there
			far = max(far, math.Abs(at(d.Points[i], true)-float64(i)/100))
		} else {
			far = max(far, at(d.Points[i], false)-float64(i)/100, float64(j)/100-at(d.Points[i], true))
		}
		i = j + 1
	}
	return far
}

// KS is the greatest distance between the distribution functions of two samples, and its asymptotic p-value.
func KS(a, b []float64) (distance, p float64) {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] == x {
			i++
		}
		for j < len(b) && b[j] == x {
			j++
		}
		distance = max(distance, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return distance, ksP(distance, len(a), len(b))
}

func ksP(distance float64, n, m int) float64 {
	if n == 0 || m == 0 || math.IsNaN(distance) {
		return math.NaN()
	}
	root := math.Sqrt(float64(n) * float64(m) / float64(n+m))
	l := (root + 0.12 + 0.11/root) * distance
	if l < 0.2 {
		return 1
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		term := math.Exp(-2 * k * k * l * l)
		sum += sign * term
		if term < 1e-12 {
			break
		}
		sign = -sign
	}
	return min(max(2*sum, 0), 1)
}

// Categories describes a reference sample of names.
type Categories struct {
	Counts map[string]int `json:"counts"`
	Nulls  int            `json:"nulls"`
}

// NewCategories counts names; the empty one is null.
func NewCategories(x []string) Categories {
	d := Categories{Counts: map[string]int{}}
	for _, v := range x {
		if v == "" {
			d.Nulls++
		} else {
			d.Counts[v]++
		}
	}
	return d
}

// Compare measures how far a window lies from the reference. What only one of the two knows counts as well.
func (d *Categories) Compare(x []string) Drift {
	now := NewCategories(x)
	names := map[string]bool{}
	for name := range d.Counts {
		names[name] = true
	}
	for name := range now.Counts {
		names[name] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted) // sums of floats depend on their order
	var a, b []int
	for _, name := range sorted {
		a, b = append(a, d.Counts[name]), append(b, now.Counts[name])
	}
	out := compareCounts(a, b)
	out.NullRate = share(now.Nulls, len(x))
	out.KS, out.KSP = math.NaN(), math.NaN()
	return out
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// compareCounts compares two histograms over the same bins. Half a row is added to each bin, so that an empty one gives
// a large number instead of an infinite one.
func compareCounts(ref, cur []int) Drift {
	n, m := 0, 0
	for i := range ref {
		n += ref[i]
		m += cur[i]
	}
	out := Drift{Rows: m, PSI: math.NaN(), JS: math.NaN(), NoiseFloor: NoiseFloor(len(ref), n, m)}
	if n == 0 || m == 0 {
		return out
	}
	out.PSI, out.JS = 0, 0
	bins := float64(len(ref))
	for i := range ref {
		p := (float64(ref[i]) + 0.5) / (float64(n) + bins/2)
		q := (float64(cur[i]) + 0.5) / (float64(m) + bins/2)
		mid := (p + q) / 2
		out.PSI += (q - p) * math.Log(q/p)
		out.JS += (p*math.Log2(p/mid) + q*math.Log2(q/mid)) / 2
	}
	return out
}

// NoiseFloor is the PSI that two samples of one distribution show on average.
func NoiseFloor(bins, n, m int) float64 {
	if n == 0 || m == 0 {
		return math.NaN()
	}
	return float64(bins-1) * (1/float64(n) + 1/float64(m))
}
