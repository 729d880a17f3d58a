package draw

import (
	"math"
	"sort"
	"testing"
	"time"
)

func TestExpAndLogAgreeWithMath(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := Root(seed, "test", 1).Rand()
	for range 200_000 {
		x := (r.Float() - 0.5) * 200
		if got, want := Exp(x), math.Exp(x); math.Abs(got/want-1) > 1e-15*3 {
			t.Fatalf("Exp(%v) = %v, want %v", x, got, want)
		}
		y := Exp(x)
		if got, want := Log(y), math.Log(y); math.Abs(got-want) > 1e-15*(1+math.Abs(want)) {
			t.Fatalf("Log(%v) = %v, want %v", y, got, want)
		}
	}
	if Exp(0) != 1 || Log(1) != 0 || !math.IsNaN(Log(0)) || !math.IsNaN(Log(-1)) || Exp(-1e9) != 0 || !math.IsInf(Exp(1e9), 1) {
		t.Error("Exp or Log is wrong at an edge")
	}
}

// The draws of a fixed key, to the last bit: another processor, compiler or GOAMD64 level must give the same.
func TestDrawsAreTheSameEverywhere(t *testing.T) {
	r := Root(42, "golden", 1).For("customer").With(7).Rand()
	h := uint64(0)
	for range 20_000 {
		for _, x := range []float64{r.Norm(), r.LogNormal(3, 0.7), r.Gamma(2, 2), Exp(r.Norm()), Log(r.open())} {
			h = mix(h ^ math.Float64bits(x))
		}
		h = mix(h ^ uint64(r.Poisson(3)) ^ uint64(r.Geometric(0.01)))
	}
	const want = 0xe5a02ff32e5847b8
	if h != want {
		t.Errorf("hash of the draws is %#x, want %#x", h, uint64(want))
	}
}

func TestKeysAreIndependent(t *testing.T) {
	k := Root(42, "test", 1)
	seen := map[Key]string{}
	add := func(name string, k Key) {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		seen[k] = name
	}
	add("1 2", k.With(1).With(2))
	add("2 1", k.With(2).With(1))
	add("a b", k.For("a").For("b"))
	add("b a", k.For("b").For("a"))
	add("ab", k.For("ab"))
	add("other seed", Root(43, "test", 1).With(1).With(2))
	add("other version", Root(42, "test", 2).With(1).With(2))
	if k.With(1) != Root(42, "test", 1).With(1) {
		t.Error("a key is not a pure function of its parts")
	}
	for i := range int64(200_000) {
		if _, ok := seen[k.With(i)]; ok {
			t.Fatalf("two keys collide at %d", i)
		}
		seen[k.With(i)] = "n"
	}
	id := k.ID()
	if id[6]>>4 != 8 || id[8]>>6 != 2 {
		t.Errorf("%x is not a version 8 UUID", id)
	}
}

func TestMoments(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const n = 200_000
	r := Root(seed, "moments", 1).Rand()
	// Five standard errors: a false alarm once in some hundred thousand runs.
	check := func(name string, mean, sd float64, draw func() float64) {
		t.Helper()
		sum, squares := 0.0, 0.0
		for range n {
			x := draw()
			sum += x
			squares += (x - mean) * (x - mean)
		}
		if got := sum / n; math.Abs(got-mean) > 5*sd/math.Sqrt(n) {
			t.Errorf("%s: mean %v, want %v", name, got, mean)
		}
		if got := math.Sqrt(squares / n); math.Abs(got/sd-1) > 0.03 {
			t.Errorf("%s: sd %v, want %v", name, got, sd)
		}
	}
	check("uniform", 0.5, math.Sqrt(1.0/12), r.Float)
	check("normal", 0, 1, r.Norm)
	check("gamma", 2, math.Sqrt2, func() float64 { return r.Gamma(2, 2) })
	check("poisson 0.5", 0.5, math.Sqrt(0.5), func() float64 { return float64(r.Poisson(0.5)) })
	check("poisson 20", 20, math.Sqrt(20), func() float64 { return float64(r.Poisson(20)) })
	check("geometric", 50, math.Sqrt(0.98)*50, func() float64 { return float64(r.Geometric(0.02)) })
	check("between", 11.5, math.Sqrt((8*8-1)/12.0), func() float64 { return float64(r.Between(8, 15)) })

	xs := make([]float64, n)
	for i := range xs {
		xs[i] = r.LogNormal(5, 0.6)
	}
	sort.Float64s(xs)
	if got := xs[n/2]; math.Abs(got/5-1) > 0.02 {
		t.Errorf("log-normal median %v, want 5", got)
	}
}

func TestWeights(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := Root(seed, "weights", 1).Rand()
	w := NewWeights([]float64{1, 0, 3, -2, 4})
	var got [5]int
	const n = 80_000
	for range n {
		got[w.Pick(r)]++
	}
	for i, want := range []float64{1, 0, 3, 0, 4} {
		p := want / 8
		if math.Abs(float64(got[i])-p*n) > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("index %d drawn %d times, want about %v", i, got[i], p*n)
		}
		if w.Share(i) != Round(p*1e6) {
			t.Errorf("share of %d is %d, want %v", i, w.Share(i), p*1e6)
		}
	}
	for range 1000 {
		if i := w.PickFirst(r, 2); i != 0 {
			t.Fatalf("PickFirst(2) = %d", i)
		}
	}
	if ranks := Ranks(4, -0.5); math.Abs(float64(ranks.Share(0))/float64(ranks.Share(3))-2) > 1e-4 {
		t.Errorf("rank 1 and 4: %d, %d", ranks.Share(0), ranks.Share(3))
	}
}
