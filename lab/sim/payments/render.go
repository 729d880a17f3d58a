package payments

import (
	"strconv"
	"time"

	"github.com/howdah/howdah/lab/sim"
	"github.com/howdah/howdah/lab/sim/draw"
)

// arenaSize is how much payload shares one allocation.
const arenaSize = 64 << 10

// event writes a delivery as an event. Payloads are cut from the arena, which is returned for the next one.
func (w *World) event(d *delivery, arena []byte) (sim.Event, []byte) {
	e := sim.Event{ID: d.id, SchemaVersion: 1, OccurredAt: w.instant(d.occurred), ArrivesAt: w.instant(d.arrives), Copy: d.copy}
	if cap(arena)-len(arena) < 1024 {
		arena = make([]byte, 0, arenaSize)
	}
	start := len(arena)
	switch {
	case d.payment != nil:
		e.Stream, e.Type, e.Key = streamPayments, "payment.authorized", d.payment.customer.id
		arena = w.appendPayment(arena, d)
	case d.report != nil:
		e.Stream, e.Type, e.Key = streamLabels, "label.reported", d.report.transaction
		if d.correction {
			e.Type = "label.corrected"
		}
		arena = w.appendLabel(arena, d)
	default:
		e.Stream, e.Type, e.Key = d.change.stream, "profile.upserted", w.changeID(d.change)
		arena = w.appendProfile(arena, d.change)
	}
	e.Payload = arena[start:len(arena):len(arena)]
	return e, arena
}

// faultsOf says what the merchant's systems got wrong in a payment. Dirt of the same field wins.
func (w *World) faultsOf(d *delivery) (euro, rename bool) {
	euro, rename = w.upstreamFault(int(d.payment.merchant), d.payment.at)
	return euro && d.dirt != dirtAmountText, rename && d.dirt != dirtChannelMissing
}

func (w *World) appendPayment(b []byte, d *delivery) []byte {
	p, start := d.payment, len(b)
	euro, rename := w.faultsOf(d)
	r := p.key.For("dirt detail").Rand()
	merchant := w.merchants[p.merchant].id
	if d.dirt == dirtUnknownMerchant {
		merchant = "M9" + p.key.For("unknown merchant").Hex()[:4]
	}
	b = append(b, `{"transaction_id":"`...)
	b = append(b, p.id()...)
	b = append(b, `","customer_id":"`...)
	b = append(b, p.customer.id...)
	b = append(b, `","merchant_id":"`...)
	b = append(b, merchant...)
	b = append(b, `","amount_cents":`...)
	cents := p.cents
	if euro {
		cents = max(1, (cents+50)/100)
	}
	switch d.dirt {
	case dirtAmountText:
		b = appendAmountText(b, cents, r)
	case dirtNegativeAmount:
		b = strconv.AppendInt(b, -cents, 10)
	default:
		b = strconv.AppendInt(b, cents, 10)
	}
	b = append(b, `,"currency":"EUR"`...)
	if d.dirt != dirtChannelMissing {
		if rename {
			b = append(b, `,"payment_channel":"`...)
		} else {
			b = append(b, `,"channel":"`...)
		}
		b = append(b, w.channel(p)...)
		b = append(b, '"')
	}
	b = append(b, `,"occurred_at":`...)
	switch d.dirt {
	case dirtLocalOffset:
		b = w.appendLocal(b, p.at, "2006-01-02T15:04:05.000-07:00")
	case dirtNoZone:
		b = w.appendLocal(b, p.at, "2006-01-02T15:04:05.000")
	default:
		b = sim.AppendTime(b, w.instant(p.at))
	}
	if d.dirt == dirtExtraField {
		b = append(b, `,"loyalty_points":`...)
		b = strconv.AppendInt(b, r.Between(1, 500), 10)
	}
	b = append(b, '}')
	if d.dirt == dirtUnparsable { // cut off somewhere after the first bytes and before the last
		b = b[:start+int(r.Between(8, int64(len(b)-start-1)))]
	}
	return b
}

// appendAmountText writes an amount as people do, in euro.
func appendAmountText(b []byte, cents int64, r *draw.Rand) []byte {
	number := strconv.AppendInt(nil, cents/100, 10)
	number = append(number, '.', byte('0'+cents/10%10), byte('0'+cents%10))
	b = append(b, '"')
	switch r.IntN(3) {
	case 0:
		b = append(append(b, "€"...), number...)
	case 1:
		b = append(append(b, number...), " EUR"...)
	default:
		b = append(append(b, "EUR "...), number...)
	}
	return append(b, '"')
}

// appendLocal writes a time as a clock in Chicago shows it.
func (w *World) appendLocal(b []byte, ms int64, layout string) []byte {
	t := w.instant(ms)
	hours := -6
	if chicagoSummer(t) {
		hours = -5
	}
	b = append(b, '"')
	b = t.In(time.FixedZone("", hours*3600)).AppendFormat(b, layout)
	return append(b, '"')
}

// chicagoSummer follows the rule since 2007, without the zone files of the machine: from the second Sunday in March
// 08:00 UTC to the first Sunday in November 07:00 UTC.
func chicagoSummer(t time.Time) bool {
	sunday := func(month time.Month, n, hour int) time.Time {
		first := time.Date(t.Year(), month, 1, hour, 0, 0, 0, time.UTC)
		return first.AddDate(0, 0, (7-int(first.Weekday()))%7+7*(n-1))
	}
	return !t.Before(sunday(time.March, 2, 8)) && t.Before(sunday(time.November, 1, 7))
}

func (w *World) appendLabel(b []byte, d *delivery) []byte {
	r := d.report
	first, second := r.key.For("label").Hex(), r.key.For("correction").Hex()
	b = append(b, `{"label_id":"`...)
	if d.correction {
		b = append(b, second...)
	} else {
		b = append(b, first...)
	}
	b = append(b, `","transaction_id":"`...)
	b = append(b, r.transaction...)
	if d.correction {
		b = append(b, `","is_fraud":false,"source":"investigation","reported_at":`...)
	} else {
		b = append(b, `","is_fraud":true,"source":"chargeback","reported_at":`...)
	}
	b = sim.AppendTime(b, w.instant(d.occurred))
	if d.correction {
		b = append(b, `,"supersedes":"`...)
		b = append(b, first...)
		b = append(b, '"')
	}
	return append(b, '}')
}

func (w *World) changeID(c *change) string {
	switch c.stream {
	case streamZips:
		return w.zips[c.index].id
	case streamMerchants:
		return w.merchants[c.index].id
	default:
		return c.customer.id
	}
}

// appendProfile writes the profile as of the time from which the change is valid.
func (w *World) appendProfile(b []byte, c *change) []byte {
	b = append(b, '{')
	switch c.stream {
	case streamZips:
		z := &w.zips[c.index]
		b = w.appendHead(b, "zip", z.id, c.valid)
		b = append(b, `{"population":`...)
		b = strconv.AppendInt(b, z.population, 10)
		b = append(b, `,"schools":{`...)
		for n, kind := range w.cfg.Zips.SchoolKinds {
			if n > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendQuote(b, kind)
			b = append(b, ':')
			b = strconv.AppendInt(b, int64(z.schools[n]), 10)
		}
		b = append(b, '}')
		b = appendPlace(b, z.x, z.y)
	case streamMerchants:
		m := &w.merchants[c.index]
		b = w.appendHead(b, "merchant_id", m.id, c.valid)
		b = append(b, `{"category":`...)
		b = strconv.AppendQuote(b, w.category(m, c.occurred))
		b = append(b, `,"online":`...)
		b = strconv.AppendBool(b, m.online)
		b = appendPlace(b, m.x, m.y)
		b = append(b, `,"onboarded_at":`...)
		b = sim.AppendTime(b, w.instant(m.onboarded))
		b = append(b, `,"risk_tier":"`...)
		b = append(b, tierNames[w.tierAt(m.index, c.occurred)]...)
		b = append(b, '"')
	default:
		h := w.homeAt(c.customer, c.valid)
		b = w.appendHead(b, "customer_id", c.customer.id, c.valid)
		b = append(b, `{"segment":`...)
		b = strconv.AppendQuote(b, w.cfg.Customers.Segments[c.customer.segment].Name)
		b = append(b, `,"zip":"`...)
		b = append(b, w.zipAt(h.x, h.y).id...)
		b = append(b, `","signed_up_at":`...)
		b = sim.AppendTime(b, w.instant(c.customer.signup))
	}
	return append(b, "}}"...)
}

func (w *World) appendHead(b []byte, idName, id string, valid int64) []byte {
	b = append(b, '"')
	b = append(b, idName...)
	b = append(b, `":"`...)
	b = append(b, id...)
	b = append(b, `","valid_from":`...)
	b = sim.AppendTime(b, w.instant(valid))
	return append(b, `,"profile":`...)
}

func appendPlace(b []byte, x, y int64) []byte {
	b = append(b, `,"x_m":`...)
	b = strconv.AppendInt(b, x, 10)
	b = append(b, `,"y_m":`...)
	return strconv.AppendInt(b, y, 10)
}
