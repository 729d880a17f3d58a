package payments

import "github.com/howdah/howdah/lab/sim/draw"

// plan is who is hit by fraud on one day.
type plan struct {
	stolen map[*customer]bool
	bad    map[int32]bool // merchants
	night  map[*customer][]draw.Key
}

// makePlan gathers what began on this day and on the days before. Fraud began before the epoch too, so that day 0 is
// a day like any other.
func (w *World) makePlan(day int) *plan {
	p := &plan{stolen: map[*customer]bool{}, bad: map[int32]bool{}, night: map[*customer][]draw.Key{}}
	for start := day - w.cfg.Fraud.StolenCard.Days + 1; start <= day; start++ {
		k := w.root.For("stolen card").With(int64(start))
		for n := range k.Rand().Poisson(w.cfg.Fraud.StolenCard.PerDay) {
			p.stolen[pick(w.population(start), k.With(int64(n)))] = true
		}
	}
	for start := day - w.cfg.Fraud.BadMerchant.Days + 1; start <= day; start++ {
		for _, m := range w.bad.get(start) {
			p.bad[m] = true
		}
	}
	k := w.root.For("night purchase").With(int64(day))
	for n := range k.Rand().Poisson(w.cfg.Fraud.NightPurchase.PerDay) {
		own := k.With(int64(n))
		victim := pick(w.population(day), own.For("victim"))
		p.night[victim] = append(p.night[victim], own)
	}
	return p
}

func pick(people []*customer, k draw.Key) *customer { return people[k.Rand().IntN(len(people))] }

// makeBadShops returns the shops that go bad on a day: any of those that expect neither too few nor too many payments.
func (w *World) makeBadShops(day int) []int32 {
	k := w.root.For("bad merchant").With(int64(day))
	n := k.Rand().Poisson(w.cfg.Fraud.BadMerchant.PerDay)
	if n == 0 {
		return nil
	}
	low := draw.Round(w.cfg.Fraud.BadMerchant.Expecting[0] * 1e6)
	high := draw.Round(w.cfg.Fraud.BadMerchant.Expecting[1] * 1e6)
	var candidates []int32
	for i, rate := range w.expected(day) {
		if !w.merchants[i].online && rate >= low && rate <= high {
			candidates = append(candidates, int32(i))
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	bad := make([]int32, n)
	for i := range bad {
		bad[i] = candidates[k.With(int64(i)).Rand().IntN(len(candidates))]
	}
	return bad
}

// expected is the number of payments a day, in millionths, that each shop may expect from those who live around it
// at the beginning of a day.
func (w *World) expected(day int) []int64 {
	share := make([]int64, w.nearRanks.Len())
	for rank := range share {
		share[rank] = w.nearRanks.Share(rank)
	}
	nearShare := draw.Round(w.cfg.Payments.NearShare * 1e6)
	sum := make([]int64, len(w.merchants))
	for _, c := range w.population(day) {
		near := w.nearest(w.homeAt(c, int64(max(day, 0))*dayMS))
		rate := c.rate * nearShare / 1e6
		for rank, m := range near {
			sum[m] += rate * share[rank] / 1e6
		}
	}
	return sum
}
