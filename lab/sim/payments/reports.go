package payments

import (
	"strings"

	"github.com/howdah/howdah/lab/sim/draw"
)

// burstMS is how long the labels of an outage take to come in once it ends.
const burstMS = 10 * minuteMS

// report is what becomes known about a payment: that it is a fraud, and whether that is taken back.
type report struct {
	key         draw.Key // of the payment
	transaction string
	merchant    int32
	kind        kind
	held        bool // by a label outage
	reported    int64
	arrives     int64

	corrected       int64 // 0: never
	correctionHeld  bool
	correctionComes int64
}

// report says whether and when a payment is reported. A few honest ones are, and are corrected later.
func (w *World) report(p *payment) (report, bool) {
	cfg := &w.cfg.Labels
	k := p.key.For("label")
	r := k.Rand()
	likely := cfg.Reported
	if p.kind == honest {
		likely = cfg.FalseReports
	}
	if !r.Chance(likely) {
		return report{}, false
	}
	delay := draw.Round(r.LogNormal(cfg.MedianDays, cfg.Sigma) * dayMS)
	delay = min(max(delay, draw.Round(cfg.ClipHours[0]*hourMS)), draw.Round(cfg.ClipHours[1]*hourMS))
	out := report{key: p.key, transaction: p.id(), merchant: p.merchant, kind: p.kind, reported: p.at + delay}
	out.arrives, out.held = w.labelArrives(out.reported, k.For("arrival"))
	if p.kind == honest {
		k = k.For("correction")
		out.corrected = out.reported + k.Rand().Between(draw.Round(cfg.CorrectedDays[0]*dayMS), draw.Round(cfg.CorrectedDays[1]*dayMS))
		out.correctionComes, out.correctionHeld = w.labelArrives(out.corrected, k.For("arrival"))
		out.correctionComes = max(out.correctionComes, out.arrives+1) // a correction never overtakes what it corrects
	}
	return out, true
}

// labelArrives is when a label that is written at ms comes in.
func (w *World) labelArrives(ms int64, k draw.Key) (int64, bool) {
	r := k.Rand()
	ms += w.delay(r)
	if end, held := w.outageEnd(ms); held {
		return end + r.Between(0, burstMS-1), true
	}
	return ms, false
}

// delay is how long an event takes to come in, usually.
func (w *World) delay(r *draw.Rand) int64 {
	cfg := &w.cfg.Arrival
	return draw.Round(min(r.LogNormal(cfg.MedianSeconds, cfg.Sigma), cfg.MostSeconds) * secondMS)
}

// lookback is how many days a payment can lie before the last event about it.
func (w *World) lookback() int {
	hours := w.cfg.Labels.ClipHours[1]
	days := hours/24 + w.cfg.Labels.CorrectedDays[1] + 3
	for _, i := range w.outages {
		days += i.Until - i.From
	}
	return int(days) + 1
}

// tier is how risky a merchant is rated.
type tier uint8

var tierNames = [...]string{"low", "medium", "high"}

// makeTiers rates all merchants at the beginning of a day, from the frauds that were reported in the window before it
// and had not been taken back.
func (w *World) makeTiers(day int) []tier {
	tiers := make([]tier, len(w.merchants))
	at := int64(day) * dayMS
	from := at - int64(w.cfg.RiskTiers.WindowDays)*dayMS
	counts := make([]int, len(w.merchants))
	longest := int(w.cfg.Labels.ClipHours[1]/24) + 2
	for d := max(0, day-w.cfg.RiskTiers.WindowDays-longest); d < day; d++ {
		for _, r := range w.reports.get(d) {
			if r.reported >= from && r.reported < at && (r.corrected == 0 || r.corrected >= at) {
				counts[r.merchant]++
			}
		}
	}
	for m, n := range counts {
		switch {
		case n >= w.cfg.RiskTiers.High:
			tiers[m] = 2
		case n >= w.cfg.RiskTiers.Medium:
			tiers[m] = 1
		}
	}
	return tiers
}

// ratingDay is the last day, up to this one, that began with a rating. It may lie before the epoch.
func (w *World) ratingDay(day int) int {
	want := int(weekdays[strings.ToLower(w.cfg.RiskTiers.Weekday)])
	is := (int(w.cfg.Epoch.Weekday()) + day%7 + 7) % 7
	return day - (is-want+7)%7
}
