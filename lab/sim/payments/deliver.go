package payments

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/howdah/howdah/lab/sim/draw"
)

// delivery is one arrival of one event. Exactly one of payment, report and change is set.
type delivery struct {
	arrives  int64
	occurred int64
	id       [16]byte
	copy     int
	late     bool // out of order

	payment    *payment
	dirt       string
	report     *report
	correction bool // the second event about a report
	change     *change
}

func sortDeliveries(list []delivery) {
	slices.SortFunc(list, func(a, b delivery) int {
		return cmp.Or(cmp.Compare(a.arrives, b.arrives), bytes.Compare(a.id[:], b.id[:]), cmp.Compare(a.copy, b.copy))
	})
}

// deliveries returns what arrives on a day, in order.
func (w *World) deliveries(day int) ([]delivery, error) {
	if day < 0 {
		return nil, errNegativeDay(day)
	}
	from, until := int64(day)*dayMS, int64(day+1)*dayMS
	var list []delivery
	for d := max(0, day-1); d <= day; d++ {
		payments := w.facts.get(d).payments
		for i := range payments {
			list = w.deliver(list, &payments[i])
		}
	}
	for d := max(0, day-w.lookback()); d <= day; d++ {
		reports := w.reports.get(d)
		for i := range reports {
			r := &reports[i]
			k := r.key.For("label event")
			list = append(list, delivery{arrives: r.arrives, occurred: r.reported, id: k.ID(), report: r})
			if r.corrected > 0 {
				k = r.key.For("correction event")
				list = append(list, delivery{
					arrives: r.correctionComes, occurred: r.corrected, id: k.ID(), report: r, correction: true,
				})
			}
		}
	}
	changes := w.changes(day)
	for i := range changes {
		c := &changes[i]
		list = append(list, delivery{arrives: c.arrives, occurred: c.occurred, id: w.changeKey(c).ID(), change: c})
	}
	list = slices.DeleteFunc(list, func(d delivery) bool { return d.arrives < from || d.arrives >= until })
	sortDeliveries(list)
	return list, nil
}

// deliver appends the arrival of a payment, and of its duplicate if there is one.
func (w *World) deliver(list []delivery, p *payment) []delivery {
	cfg := &w.cfg.Arrival
	r := p.key.For("arrival").Rand()
	d := delivery{payment: p, occurred: p.at, id: p.key.For("payment event").ID(), dirt: w.dirtOf(p)}
	d.arrives = p.at + w.delay(r)
	if r.Chance(cfg.LateShare) {
		d.late = true
		d.arrives = p.at + r.Between(min(minuteMS, draw.Round(cfg.LateHours*hourMS)), draw.Round(cfg.LateHours*hourMS))
	}
	list = append(list, d)
	// A dirty event comes once: so what is quarantined can be counted without asking how often it came.
	if d.dirt == "" && r.Chance(cfg.DuplicateShare) {
		d.copy = 1
		d.arrives += r.Between(0, draw.Round(cfg.DuplicateSeconds*secondMS))
		list = append(list, d)
	}
	return list
}

func (w *World) changeKey(c *change) draw.Key {
	n := int64(c.index)
	if c.customer != nil {
		n = c.customer.number
	}
	return w.root.For("profile").For(c.stream).With(n).With(c.valid)
}
