package draw

import "math"

const (
	// ln 2 in two parts: the high part has so few bits that k*ln2High is exact for every exponent k.
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

// Exp is e^x, the same to the last bit on every machine and within 2 units in the last place of the true value.
func Exp(x float64) float64 {
	x = float64(x) // a product that is passed in must be rounded before it is added to anything
	switch {
	case x != x:
		return x
	case x > 709.7:
		return math.Inf(1)
	case x < -708:
		return 0
	}
	k := math.Floor(float64(x*(1/math.Ln2)) + 0.5)
	r := float64(x-float64(k*ln2High)) - float64(k*ln2Low)
	// |r| <= ln 2 / 2, where fourteen terms of the series are enough.
	sum := 1.0
	for i := 14; i >= 1; i-- {
		sum = 1 + float64(r*sum)/float64(i)
	}
	return math.Ldexp(sum, int(k))
}

// Log is the natural logarithm of x > 0, the same to the last bit on every machine. Not a number for x <= 0.
func Log(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 1) {
		return math.NaN()
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	// ln m = 2 artanh s, with |s| <= 0.172: thirteen terms of the series.
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	sum := 1.0 / 27
	for i := 12; i >= 0; i-- {
		sum = float64(sum*z) + 1/float64(2*i+1)
	}
	low := float64(float64(2*s)*sum) + float64(float64(e)*ln2Low)
	return float64(float64(e)*ln2High) + low
}

// Round is the integer nearest to x, halves away from zero.
func Round(x float64) int64 {
	x = float64(x) // as in Exp: this function is inlined
	if x < 0 {
		return -int64(math.Floor(-x + 0.5))
	}
	return int64(math.Floor(x + 0.5))
}
