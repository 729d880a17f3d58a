package payments

import (
	"github.com/howdah/howdah/lab/sim/draw"
)

// change is a profile that became valid at a time and comes in later.
type change struct {
	stream   string
	index    int // of the merchant or zip
	customer *customer
	valid    int64
	occurred int64
	arrives  int64
	late     bool
}

// changes returns the profile changes that may arrive on a day.
func (w *World) changes(day int) []change {
	var list []change
	if day == 0 {
		list = w.initialProfiles(list)
	}
	list = w.newcomerProfiles(list, day)
	list = w.moveProfiles(list, day)
	return w.merchantChanges(list, day)
}

// initialProfiles is everything known at the epoch; it comes in at the epoch, before the first payment.
func (w *World) initialProfiles(list []change) []change {
	for i := range w.zips {
		list = append(list, change{stream: streamZips, index: i})
	}
	for i := range w.merchants {
		list = append(list, change{stream: streamMerchants, index: i, valid: w.merchants[i].onboarded})
	}
	for _, c := range w.population(0) {
		list = append(list, change{stream: streamCustomers, customer: c, valid: c.signup})
	}
	return list
}

// lateDays is how many days a late profile can lie behind, on top of the wait for a first payment.
func (w *World) lateDays() int { return int(w.cfg.Customers.LateHours/24) + 2 }

// firstPaymentDays is how long a newcomer's first payment is waited for.
const firstPaymentDays = 30

func (w *World) newcomerProfiles(list []change, day int) []change {
	first := len(w.population(max(0, day-firstPaymentDays-w.lateDays())))
	for _, c := range w.population(day + 1)[first:] {
		if c.signupDay >= 0 {
			arrives, late := w.profileArrives(c)
			list = append(list, change{
				stream: streamCustomers, customer: c, valid: c.signup, occurred: c.signup, arrives: arrives, late: late,
			})
		}
	}
	return list
}

// profileArrives is when a newcomer's profile comes in: soon after signing up, or for the late ones after the first
// payment. One who makes no payment for long is not late: nothing was missed.
func (w *World) profileArrives(c *customer) (ms int64, late bool) {
	c.arrival.Do(func() {
		r := c.key.For("profile arrives").Rand()
		c.profileArrives = c.signup + w.delay(r)
		if !r.Chance(w.cfg.Customers.LateShare) {
			return
		}
		for day := c.signupDay; day < c.signupDay+firstPaymentDays; day++ {
			payments := w.customerDay(nil, c, day, w.plans.get(day))
			if len(payments) == 0 {
				continue
			}
			first := payments[0].at
			for _, p := range payments {
				first = min(first, p.at)
			}
			c.profileArrives = first + r.Between(minuteMS, max(minuteMS, draw.Round(w.cfg.Customers.LateHours*hourMS)))
			c.late = true
			return
		}
	})
	return c.profileArrives, c.late
}

func (w *World) moveProfiles(list []change, day int) []change {
	until := int64(day+1) * dayMS
	for _, c := range w.population(day + 1) {
		from := int64(max(0, day-w.lateDays())) * dayMS
		if c.signupDay >= 0 {
			from = max(0, from-firstPaymentDays*dayMS)
		}
		for _, h := range w.movesIn(c, from, until) {
			r := c.key.For("move arrives").With(h.from).Rand()
			m := change{stream: streamCustomers, customer: c, valid: h.from, occurred: h.from, arrives: h.from + w.delay(r)}
			if r.Chance(w.cfg.Customers.LateShare) {
				m.late = true
				m.arrives = h.from + r.Between(0, draw.Round(w.cfg.Customers.LateHours*hourMS))
			}
			if c.signupDay >= 0 { // nobody is first heard of by moving
				first, _ := w.profileArrives(c)
				m.arrives = max(m.arrives, first+1)
			}
			list = append(list, m)
		}
	}
	return list
}

// merchantChanges are the ratings of the day and of the day before, and splits of categories.
func (w *World) merchantChanges(list []change, day int) []change {
	seen := map[[2]int64]bool{}
	add := func(m int, at int64) {
		if at > 0 && !seen[[2]int64{int64(m), at}] {
			seen[[2]int64{int64(m), at}] = true
			r := w.merchants[m].key.For("profile arrives").With(at).Rand()
			list = append(list, change{stream: streamMerchants, index: m, valid: at, occurred: at, arrives: at + w.delay(r)})
		}
	}
	for d := max(0, day-1); d <= day; d++ { // what happens late in the evening comes in the next day
		if w.ratingDay(d) == d && d > 0 {
			before, now := w.tiers.get(d-7), w.tiers.get(d)
			for m := range now {
				if now[m] != before[m] {
					add(m, int64(d)*dayMS)
				}
			}
		}
		for _, split := range w.splits {
			if at := split.begin(); at/dayMS == int64(d) {
				for m := range w.merchants {
					if w.category(&w.merchants[m], at) != w.category(&w.merchants[m], at-1) {
						add(m, at)
					}
				}
			}
		}
	}
	return list
}

// tierAt is the rating of a merchant at a time.
func (w *World) tierAt(m int, ms int64) tier {
	day := w.ratingDay(int(ms / dayMS))
	if day <= 0 {
		return 0
	}
	return w.tiers.get(day)[m]
}
