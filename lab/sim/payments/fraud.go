package payments

import (
	"github.com/howdah/howdah/lab/sim/draw"
)

// stolenCardAfter appends what a thief does with the card after an honest payment: kind A, before and after the
// concept drift.
func (w *World) stolenCardAfter(list []payment, parent *payment) []payment {
	k := parent.key.For("stolen card")
	r := k.Rand()
	within := draw.Round(w.cfg.Fraud.StolenCard.WithinHours * hourMS)
	if !w.cardTesting(parent.at) {
		cfg := &w.cfg.Fraud.StolenCard
		if !r.Chance(cfg.Spawn) {
			return list
		}
		at := parent.at + r.Between(0, within)
		return append(list, w.thiefsPayment(parent.customer, k.With(0), stolenCard, at, cfg.Factor, cfg.Online, cfg.Unusual))
	}
	cfg := &w.cfg.Fraud.CardTesting
	if !r.Chance(cfg.Spawn) {
		return list
	}
	first := parent.at + r.Between(0, within)
	spread := draw.Round(cfg.WithinMinutes * minuteMS)
	for n := range r.Between(cfg.Payments[0], cfg.Payments[1]) {
		factor := between(r, cfg.Factor)
		at := first + r.Between(0, spread)
		list = append(list, w.thiefsPayment(parent.customer, k.With(n), cardTesting, at, factor, cfg.Online, cfg.Unusual))
	}
	return list
}

// thiefsPayment is a payment in the customer's style times a factor, mostly online and at unusual merchants.
func (w *World) thiefsPayment(c *customer, k draw.Key, as kind, at int64, factor, online, unusual float64) payment {
	r := k.Rand()
	p := payment{key: k, customer: c, kind: as, at: at, atShop: !r.Chance(online)}
	odd := r.Chance(unusual)
	switch {
	case odd && p.atShop:
		p.merchant = w.shops[r.IntN(len(w.shops))]
	case odd:
		p.merchant = w.online[r.IntN(len(w.online))]
	case p.atShop:
		p.merchant = w.nearest(w.homeAt(c, at))[w.nearRanks.Pick(r)]
	default:
		p.merchant = w.online[w.onlineRanks.Pick(r)]
	}
	p.cents = w.amount(r, c, p.merchant, factor, at)
	return p
}

// nightPurchase is kind C.
func (w *World) nightPurchase(c *customer, k draw.Key, start int64) payment {
	cfg := &w.cfg.Fraud.NightPurchase
	r := k.For("purchase").Rand()
	p := payment{key: k, customer: c, kind: nightPurchase}
	p.at = start + r.Between(draw.Round(cfg.Hours[0]*hourMS), max(draw.Round(cfg.Hours[1]*hourMS)-1, 0))
	p.merchant = w.nightly[r.IntN(len(w.nightly))]
	p.atShop = !w.merchants[p.merchant].online
	p.cents = w.cents(draw.Exp(c.level)*between(r, cfg.Factor), p.at)
	return p
}

// between is uniform in a range of factors.
func between(r *draw.Rand, span [2]float64) float64 {
	return span[0] + float64((span[1]-span[0])*r.Float())
}
