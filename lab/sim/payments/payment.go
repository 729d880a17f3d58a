package payments

import (
	"github.com/howdah/howdah/lab/sim/draw"
)

// kind says how a payment came about.
type kind uint8

const (
	honest kind = iota
	stolenCard
	cardTesting
	badMerchant
	nightPurchase
)

var kindNames = [...]string{"none", "stolen_card", "card_testing", "bad_merchant", "night_purchase"}

// payment is what really happened, before dirt and faults.
type payment struct {
	key      draw.Key
	customer *customer
	merchant int32
	kind     kind
	atShop   bool
	gift     bool
	trip     bool
	at       int64
	cents    int64
}

func (p *payment) id() string { return p.key.For("transaction").Hex() }

// facts is everything that begins on one day.
type facts struct {
	payments []payment
	reports  []report
}

func (w *World) makeFacts(day int) facts {
	var f facts
	if day < 0 {
		return f
	}
	p := w.plans.get(day)
	people := w.population(day + 1)
	f.payments = make([]payment, 0, 3*len(people))
	for _, c := range people {
		f.payments = w.customerDay(f.payments, c, day, p)
	}
	for i := range f.payments {
		if r, ok := w.report(&f.payments[i]); ok {
			f.reports = append(f.reports, r)
		}
	}
	return f
}

// customerDay appends the payments of one customer that begin on one day, frauds included.
func (w *World) customerDay(list []payment, c *customer, day int, p *plan) []payment {
	if c.signupDay > day {
		return list
	}
	start := int64(day) * dayMS
	k := c.key.For("payment").With(int64(day))
	weekday := (int(w.cfg.Epoch.Weekday()) + day + 6) % 7 // 0 is Monday
	expected := float64(c.rate) / 1e6 * w.cfg.Payments.Weekdays[weekday]
	stolen, trip := p.stolen[c], w.onTrip(c, day)
	for n := range k.Rand().Poisson(expected) {
		own := k.With(int64(n))
		pay := w.honestPayment(c, own, start, trip)
		if pay.at < c.signup {
			continue
		}
		if p.bad[pay.merchant] && own.For("bad merchant").Rand().Chance(w.cfg.Fraud.BadMerchant.Share) {
			pay.kind = badMerchant
		}
		list = append(list, pay)
		if stolen && pay.kind == honest {
			list = w.stolenCardAfter(list, &pay)
		}
	}
	for _, own := range p.night[c] {
		list = append(list, w.nightPurchase(c, own, start))
	}
	return list
}

func (w *World) honestPayment(c *customer, k draw.Key, start int64, trip bool) payment {
	cfg := &w.cfg.Payments
	r := k.Rand()
	p := payment{key: k, customer: c, at: start + w.timeOfDay(r)}
	p.atShop = r.Chance(cfg.NearShare)
	switch {
	case !p.atShop:
		p.merchant = w.online[w.onlineRanks.Pick(r)]
	case trip:
		p.trip = true
		p.merchant = w.farShop(r, w.homeAt(c, p.at))
	default:
		p.merchant = w.nearest(w.homeAt(c, p.at))[w.nearRanks.Pick(r)]
	}
	factor := 1.0
	if r.Chance(w.cfg.Gifts.Share) {
		p.gift = true
		factor = w.cfg.Gifts.Factor
	}
	p.cents = w.amount(r, c, p.merchant, factor, p.at)
	return p
}

// timeOfDay draws a time from the peaks of the day, in milliseconds, wrapped at midnight.
func (w *World) timeOfDay(r *draw.Rand) int64 {
	h := &w.cfg.Payments.Hours[w.hours.Pick(r)]
	ms := draw.Round((h.Mean + float64(h.SD*r.Norm())) * hourMS)
	return ((ms % dayMS) + dayMS) % dayMS
}

// farShop draws a shop that is far from home. Where the square is too small for that, it takes the last one tried.
func (w *World) farShop(r *draw.Rand, h *home) int32 {
	far2 := w.cfg.Trips.Far * w.cfg.Trips.Far
	var m int32
	for range 100 {
		m = w.shops[r.IntN(len(w.shops))]
		if w.merchants[m].distance2(h.x, h.y) >= far2 {
			break
		}
	}
	return m
}

// amount is an amount in the customer's own style at a merchant, times a factor, in cents.
func (w *World) amount(r *draw.Rand, c *customer, merchant int32, factor float64, ms int64) int64 {
	offset := w.cfg.Merchants.Categories[w.merchants[merchant].category].Offset
	own := draw.Exp(c.level + offset + float64(w.cfg.Payments.AmountSD*r.Norm()))
	return w.cents(own*factor, ms)
}

// cents quantises an amount, after the drift of the amounts at a time.
func (w *World) cents(amount float64, ms int64) int64 {
	return max(draw.Round(amount*w.amountFactor(ms)), w.cfg.Payments.Smallest)
}

// channel is how the payment was made.
func (w *World) channel(p *payment) string {
	switch {
	case !p.atShop:
		return "online"
	case p.cents <= w.cfg.Payments.ContactlessLimit && p.key.For("contactless").Rand().Chance(w.cfg.Payments.ContactlessShare):
		return "contactless"
	default:
		return "pos"
	}
}
