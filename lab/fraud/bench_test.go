package fraud

import "testing"

// BenchmarkCompute is the price of the feature view for one payment, with 40 days of facts in memory.
func BenchmarkCompute(b *testing.B) {
	r := replay(b, 42, 40)
	from := len(r.payments) / 2
	b.ResetTimer()
	for i := range b.N {
		r.facts.Compute(&r.payments[from+i%(len(r.payments)-from)])
	}
}
