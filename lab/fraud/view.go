package fraud

import (
	"math"
	"sort"

	"github.com/howdah/howdah/lab/feature"
)

// The names that more than one place needs.
const (
	featLogAmount = "log_amount"
	featOnline    = "is_online"
)

// View is fraud_v1.
func View() feature.View {
	number := func(name, doc string) feature.Column {
		return feature.Column{Name: name, Kind: feature.Number, Doc: doc}
	}
	category := func(name, doc string) feature.Column {
		return feature.Column{Name: name, Kind: feature.Category, Doc: doc}
	}
	return feature.View{Name: "fraud", Version: 1, Columns: []feature.Column{
		number(featLogAmount, "natural logarithm of the amount in cents"),
		number("hour_sin", "time of day, UTC, on a circle"),
		number("hour_cos", "time of day, UTC, on a circle"),
		number("is_weekend", "1 on Saturday and Sunday, UTC"),
		number(featOnline, "1 online, 0 at a shop, null where the channel is missing"),
		category("category", "of the merchant, as of the payment"),
		category("segment", "of the customer, as of the payment"),
		number("tenure_days", "since the customer signed up; null while the profile is unknown"),
		number("home_distance_km", "from the customer's zip to the shop; null online"),
		number("tx_count_1h", "the customer's payments in the hour before"),
		number("tx_count_24h", "… in the day before"),
		number("tx_count_7d", "… in the week before"),
		number("avg_log_amount_30d", "mean log_amount of the customer's last 30 days; null without payments"),
		number("log_amount_minus_avg", "log_amount minus that mean; null without payments"),
		number("distinct_merchants_24h", "merchants the customer paid in the day before"),
		number("is_new_merchant", "1 if the customer did not pay there in the 30 days before"),
		number("minutes_since_last", "since the customer's last payment, at most 30 days; null without payments"),
		number("merchant_tx_count_7d", "payments at the merchant in the week before"),
		number("merchant_reported_30d", "frauds at the merchant, reported in the 30 days before and not taken back by then"),
		number("merchant_reported_rate_30d", "those by the merchant's payments of the same days"),
		number("merchant_days_since_report", "since the last such report ever, at most 60"),
		category("risk_tier", "of the merchant, as of the payment"),
	}}
}

// Sight limits what a feature may see. AsOfPayment is the only right one; the leaks exist to be shown and caught.
type Sight int

// The sights.
const (
	AsOfPayment  Sight = iota
	LatestTier         // leak: the merchant's risk tier as it is known at the end
	LabelsNotCut       // leak: labels count whenever they were reported
)

// Compute is the feature view fraud_v1 for one payment.
func (f *Facts) Compute(p *Payment) feature.Row { return f.ComputeWith(p, AsOfPayment) }

// ComputeWith is Compute with a leak, on purpose.
func (f *Facts) ComputeWith(p *Payment, sight Sight) feature.Row {
	null := math.NaN()
	t, k := p.At, p.Known
	tierAt, tierKnown, labelAt, labelKnown := t, k, t, k
	const end = MS(math.MaxInt64)
	if sight == LatestTier {
		tierAt, tierKnown = end, end
	}
	if sight == LabelsNotCut {
		labelAt, labelKnown = end, end
	}
	amount := logAmount(p.Cents)
	day := t.Time()
	angle := 2 * math.Pi * float64(t%Day) / float64(Day)
	online := null
	if p.Channel != "" {
		online = bit(p.Channel == "online")
	}
	customer, haveCustomer := f.customers[p.Customer].asOf(t, k)
	merchant, haveMerchant := f.merchants[p.Merchant].asOf(t, k)
	rated, haveRated := f.merchants[p.Merchant].asOf(tierAt, tierKnown)

	tenure, distance := null, null
	var category, segment, tier string
	if haveCustomer {
		tenure, segment = float64(t-customer.SignedUp)/float64(Day), customer.Segment
	}
	if haveMerchant {
		category = merchant.Category
	}
	if haveRated {
		tier = rated.RiskTier
	}
	if zip, ok := f.zips[customer.Zip]; haveCustomer && haveMerchant && !merchant.Online && ok {
		distance = math.Hypot(float64(merchant.X-zip.X), float64(merchant.Y-zip.Y)) / 1000
	}

	own := f.ownHistory(p)
	visits7, visits30 := f.merchantHistory(p)
	reported, lastReport := f.reported(p, labelAt, labelKnown)
	rate := math.Min(1, float64(reported)/math.Max(1, float64(visits30)))
	since := float64(daysCap)
	if lastReport > 0 {
		since = math.Min(daysCap, math.Max(0, float64(t-lastReport)/float64(Day)))
	}
	return feature.Row{
		Numbers: []float64{
			amount, math.Sin(angle), math.Cos(angle), bit(day.Weekday() == 0 || day.Weekday() == 6), online,
			tenure, distance, own.hour, own.day, own.week, own.average, amount - own.average, float64(own.merchants), own.isNew, own.since,
			float64(visits7), float64(reported), rate, since,
		},
		Categories: []string{category, segment, tier},
	}
}

func logAmount(cents int64) float64 { return math.Log(float64(max(cents, 1))) }

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

type ownHistory struct {
	hour, day, week, average, isNew, since float64
	merchants                              int
}

func (f *Facts) ownHistory(p *Payment) ownHistory {
	list := f.byCustomer[p.Customer]
	until := sort.Search(len(list), func(i int) bool { return list[i].at >= p.At })
	h := ownHistory{isNew: 1, average: math.NaN(), since: math.NaN()}
	n, sum := 0, 0.0
	seen := map[string]bool{}
	for i := until - 1; i >= 0 && list[i].at >= p.At-Window; i-- {
		v := &list[i]
		if v.known >= p.Known {
			continue
		}
		ago := p.At - v.at
		if n == 0 {
			h.since = float64(ago) / float64(Minute)
		}
		n++
		sum += v.logAmount
		if ago <= Hour {
			h.hour++
		}
		if ago <= Day {
			h.day++
			seen[v.merchant] = true
		}
		if ago <= 7*Day {
			h.week++
		}
		if v.merchant == p.Merchant {
			h.isNew = 0
		}
	}
	h.merchants = len(seen)
	if n > 0 {
		h.average = sum / float64(n)
	}
	return h
}

func (f *Facts) merchantHistory(p *Payment) (week, month int) {
	list := f.byMerchant[p.Merchant]
	until := sort.Search(len(list), func(i int) bool { return list[i].at >= p.At })
	for i := until - 1; i >= 0 && list[i].at >= p.At-Window; i-- {
		if list[i].known >= p.Known {
			continue
		}
		month++
		if p.At-list[i].at <= 7*Day {
			week++
		}
	}
	return week, month
}

// reported counts the frauds at the payment's merchant that are reported in the window before t, and finds the last
// report ever. A report counts by what the latest label known before k says. The payment's own label is left out: only a
// leak can see it, and even the leak should not be that plain.
func (f *Facts) reported(p *Payment, t, k MS) (n int, last MS) {
	from := t - Window
	if t == math.MaxInt64 { // the leak: reports of the 30 days around the payment
		from, t = p.At-Window, p.At+Window
	}
	for id, j := range f.reports[p.Merchant] {
		if id == p.ID || j.known >= k {
			continue
		}
		var latest, first *Label
		for i := range j.labels {
			l := &j.labels[i]
			if l.Known >= k || l.At >= t {
				continue
			}
			if latest == nil || l.Known > latest.Known || l.Known == latest.Known && l.At > latest.At {
				latest = l
			}
			if first == nil || l.At < first.At {
				first = l
			}
		}
		if latest == nil || !latest.Fraud {
			continue
		}
		if first.At >= from {
			n++
		}
		last = max(last, first.At)
	}
	return n, last
}
