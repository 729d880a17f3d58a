package payments

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// checker collects what is wrong with a scenario, each with the name that the file uses.
type checker struct{ wrong []error }

func (c *checker) require(ok bool, format string, args ...any) {
	if !ok {
		c.wrong = append(c.wrong, fmt.Errorf(format, args...))
	}
}

func (c *checker) share(name string, v float64) {
	c.require(v >= 0 && v <= 1, "%s = %v: a share lies between 0 and 1", name, v)
}

func (c *checker) within(name string, v, lo, hi float64) {
	c.require(v >= lo && v <= hi, "%s = %v: give a number from %v to %v", name, v, lo, hi)
}

func (c *checker) ordered(name string, lo, hi, least float64) {
	c.require(lo >= least && lo <= hi, "%s = [%v, %v]: give two numbers from %v on, the smaller one first", name, lo, hi, least)
}

// Validate says everything that is wrong with the scenario.
func (c *Config) Validate() error {
	k := &checker{}
	k.require(c.Name == "payments", "name = %q: this simulator plays the scenario \"payments\"", c.Name)
	k.require(c.Version >= 1, "version = %d: versions count from 1", c.Version)
	k.require(!c.Epoch.IsZero() && c.Epoch.Equal(c.Epoch.Truncate(24*time.Hour)), "epoch = %v: give a midnight in UTC, such as 2025-01-01T00:00:00Z", c.Epoch)
	k.within("prehistory_days", float64(c.PrehistoryDays), 0, 3650)
	k.within("end_day", float64(c.EndDay), float64(c.PrehistoryDays), 36500)
	k.within("speed", c.Speed, 0, 1e6)
	c.validatePeople(k)
	c.validateMerchants(k)
	c.validatePayments(k)
	c.validateFraud(k)
	for i := range c.Timetable {
		c.validateIncident(k, fmt.Sprintf("timetable[%d]", i), &c.Timetable[i])
	}
	return errors.Join(k.wrong...)
}

func (c *Config) validatePeople(k *checker) {
	p := &c.Customers
	k.within("customers.count", float64(p.Count), 1, 500_000)
	k.within("customers.grid", float64(p.Grid), 1, 10)
	k.within("customers.square", float64(p.Square), float64(p.Grid), 1e7)
	k.within("customers.amount_sd", p.AmountSD, 0, 3)
	k.within("customers.rate_shape", float64(p.RateShape), 1, 100)
	k.within("customers.rate_mean", p.RateMean, 0, 100)
	k.ordered("customers.signed_up_days", float64(p.SignedUpDays[0]), float64(p.SignedUpDays[1]), 0)
	k.share("customers.move_probability", p.MoveProbability)
	k.share("customers.late_share", p.LateShare)
	k.within("customers.late_hours", p.LateHours, 0, 240)
	k.require(len(p.Segments) > 0, "customers.segments is empty: name at least one segment")
	sum := 0.0
	for _, s := range p.Segments {
		k.share("customers.segments: share of "+s.Name, s.Share)
		k.within("customers.segments: median of "+s.Name, float64(s.Median), 1, 1e8)
		sum += s.Share
	}
	k.require(sum > 0, "customers.segments: all shares are zero")
	n := &c.Newcomers
	k.within("newcomers.from_day", float64(n.FromDay), 0, 36500)
	k.within("newcomers.until_day", float64(n.UntilDay), 0, 36500)
	k.within("newcomers.per_day", float64(n.PerDay), 0, 1000)
	z := &c.Zips
	k.within("zips.population_median", z.PopulationMedian, 1, 1e8)
	k.within("zips.population_sd", z.PopulationSD, 0, 3)
	k.require(z.ResidentsPerSchool > 0, "zips.residents_per_school = %v: give a positive number", z.ResidentsPerSchool)
}

func (c *Config) validateMerchants(k *checker) {
	m := &c.Merchants
	k.within("merchants.count", float64(m.Count), 2, 30_000)
	k.within("merchants.online", float64(m.Online), 1, float64(m.Count-1))
	k.ordered("merchants.onboarded_days", float64(m.OnboardedDays[0]), float64(m.OnboardedDays[1]), 0)
	k.require(len(m.Categories) > 0, "merchants.categories is empty: name at least one category")
	for _, cat := range m.Categories {
		k.within("merchants.categories: offset of "+cat.Name, cat.Offset, -10, 10)
	}
	_, ok := weekdays[strings.ToLower(c.RiskTiers.Weekday)]
	k.require(ok, "risk_tiers.weekday = %q: give a day such as \"Monday\"", c.RiskTiers.Weekday)
	k.within("risk_tiers.window_days", float64(c.RiskTiers.WindowDays), 1, 365)
	k.require(c.RiskTiers.Medium >= 1 && c.RiskTiers.High >= c.RiskTiers.Medium,
		"risk_tiers: medium = %d, high = %d: give 1 or more for medium and no less for high", c.RiskTiers.Medium, c.RiskTiers.High)
}

func (c *Config) validatePayments(k *checker) {
	p := &c.Payments
	k.within("payments.amount_sd", p.AmountSD, 0, 3)
	k.within("payments.smallest", float64(p.Smallest), 1, 1e6)
	k.within("payments.near", float64(p.Near), 1, float64(c.Merchants.Count-c.Merchants.Online))
	k.share("payments.near_share", p.NearShare)
	k.within("payments.near_exponent", p.NearExponent, -5, 0)
	k.within("payments.online_exponent", p.OnlineExponent, -5, 0)
	k.share("payments.contactless_share", p.ContactlessShare)
	sum := 0.0
	for _, h := range p.Hours {
		k.within("payments.hours: mean", h.Mean, 0, 24)
		k.within("payments.hours: sd", h.SD, 0, 24)
		k.share("payments.hours: share", h.Share)
		sum += h.Share
	}
	k.require(sum > 0, "payments.hours: give at least one peak with a share above zero")
	for i, f := range p.Weekdays {
		k.within(fmt.Sprintf("payments.weekdays[%d]", i), f, 0, 10)
	}
	k.share("trips.probability", c.Trips.Probability)
	k.ordered("trips.days", float64(c.Trips.Days[0]), float64(c.Trips.Days[1]), 1)
	k.within("trips.days", float64(c.Trips.Days[1]), 1, 60)
	k.share("gifts.share", c.Gifts.Share)
	k.within("gifts.factor", c.Gifts.Factor, 0, 1000)

	a := &c.Arrival
	k.within("arrival.median_seconds", a.MedianSeconds, 0.001, 3600)
	k.within("arrival.sigma", a.Sigma, 0, 3)
	k.within("arrival.most_seconds", a.MostSeconds, 0.001, 3600)
	k.share("arrival.late_share", a.LateShare)
	k.share("arrival.duplicate_share", a.DuplicateShare)
	k.within("arrival.duplicate_seconds", a.DuplicateSeconds, 0, 3600)
	k.within("arrival.late_hours", a.LateHours, 0, 12)
	sum = 0
	for _, d := range c.Dirt.rates() {
		k.share("dirt."+d.name, d.rate)
		sum += d.rate
	}
	k.require(sum <= 1, "dirt: the shares add up to %v, which is more than all payments", sum)
}

func (c *Config) validateFraud(k *checker) {
	a, t, b, n := &c.Fraud.StolenCard, &c.Fraud.CardTesting, &c.Fraud.BadMerchant, &c.Fraud.NightPurchase
	k.within("fraud.stolen_card.per_day", a.PerDay, 0, 500)
	k.within("fraud.stolen_card.days", float64(a.Days), 1, 365)
	k.share("fraud.stolen_card.spawn", a.Spawn)
	// Day d is made from the payments that began on days d-1 and d: fraud and arrival must not reach further.
	k.within("fraud.stolen_card.within_hours", a.WithinHours, 0, 8)
	k.within("fraud.stolen_card.factor", a.Factor, 0, 1000)
	k.share("fraud.stolen_card.online", a.Online)
	k.share("fraud.stolen_card.unusual", a.Unusual)
	k.share("fraud.card_testing.spawn", t.Spawn)
	k.ordered("fraud.card_testing.payments", float64(t.Payments[0]), float64(t.Payments[1]), 1)
	k.within("fraud.card_testing.payments", float64(t.Payments[1]), 1, 100)
	k.within("fraud.card_testing.within_minutes", t.WithinMinutes, 0, 60)
	k.ordered("fraud.card_testing.factor", t.Factor[0], t.Factor[1], 0)
	k.share("fraud.card_testing.online", t.Online)
	k.share("fraud.card_testing.unusual", t.Unusual)
	k.within("fraud.bad_merchant.per_day", b.PerDay, 0, 500)
	k.within("fraud.bad_merchant.days", float64(b.Days), 1, 365)
	k.share("fraud.bad_merchant.share", b.Share)
	k.ordered("fraud.bad_merchant.expecting", b.Expecting[0], b.Expecting[1], 0)
	k.within("fraud.night_purchase.per_day", n.PerDay, 0, 500)
	k.ordered("fraud.night_purchase.factor", n.Factor[0], n.Factor[1], 0)
	k.ordered("fraud.night_purchase.hours", n.Hours[0], n.Hours[1], 0)
	k.within("fraud.night_purchase.hours", n.Hours[1], 0, 24)
	for _, name := range n.Categories {
		k.require(c.categoryIndex(name) >= 0, "fraud.night_purchase.categories: %q is no category; there are: %s", name, c.categoryNames())
	}
	k.require(len(n.Categories) > 0 || n.PerDay == 0, "fraud.night_purchase.categories is empty: name at least one category")

	l := &c.Labels
	k.share("labels.reported", l.Reported)
	k.within("labels.median_days", l.MedianDays, 0.001, 365)
	k.within("labels.sigma", l.Sigma, 0, 3)
	k.ordered("labels.clip_hours", l.ClipHours[0], l.ClipHours[1], 0)
	k.within("labels.clip_hours", l.ClipHours[1], 0, 24*365)
	k.share("labels.false_reports", l.FalseReports)
	k.ordered("labels.corrected_days", l.CorrectedDays[0], l.CorrectedDays[1], 0)
	k.within("labels.corrected_days", l.CorrectedDays[1], 0, 365)
	k.within("investigator.per_day", float64(c.Investigator.PerDay), 0, 1000)
	k.ordered("investigator.hours", c.Investigator.Hours[0], c.Investigator.Hours[1], 0)
}

func (c *Config) validateIncident(k *checker, name string, i *Incident) {
	k.within(name+".from", i.From, 0, 36500)
	switch i.Kind {
	case LabelOutage, UpstreamFault:
		k.require(i.Until > i.From && i.Until-i.From <= 365, "%s.until = %v: give a day after from = %v, at most a year later", name, i.Until, i.From)
		k.share(name+".euro_share", i.EuroShare)
		k.share(name+".rename_share", i.RenameShare)
	case AmountDrift:
		k.within(name+".width", i.Width, 0.01, 365)
		k.within(name+".rise", i.Rise, -0.9, 100)
	case Cohort:
		k.within(name+".count", float64(i.Count), 1, 10_000)
		known := slices.ContainsFunc(c.Customers.Segments, func(s Segment) bool { return s.Name == i.Segment })
		k.require(known, "%s.segment = %q: no such segment in customers.segments", name, i.Segment)
	case CategorySplit:
		k.require(c.categoryIndex(i.Category) >= 0, "%s.category = %q: no such category; there are: %s", name, i.Category, c.categoryNames())
		k.require(i.Into != "" && c.categoryIndex(i.Into) < 0, "%s.into = %q: give a new name", name, i.Into)
	case CardTestingOn:
	default:
		k.require(false, "%s.incident = %q: unknown; there are: %s", name, i.Kind, strings.Join(incidentKinds, ", "))
	}
}

func (c *Config) categoryIndex(name string) int {
	return slices.IndexFunc(c.Merchants.Categories, func(cat Category) bool { return cat.Name == name })
}

func (c *Config) categoryNames() string {
	var names []string
	for _, cat := range c.Merchants.Categories {
		names = append(names, cat.Name)
	}
	return strings.Join(names, ", ")
}

var weekdays = map[string]time.Weekday{
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday,
	"friday": time.Friday, "saturday": time.Saturday, "sunday": time.Sunday,
}
