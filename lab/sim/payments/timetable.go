package payments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/howdah/howdah/lab/sim"
	"github.com/howdah/howdah/lab/sim/draw"
)

// The kinds of incidents.
const (
	LabelOutage   = "label_outage"
	CardTestingOn = "card_testing"
	AmountDrift   = "amount_drift"
	UpstreamFault = "upstream_fault"
	Cohort        = "cohort"
	CategorySplit = "category_split"
)

var incidentKinds = []string{LabelOutage, CardTestingOn, AmountDrift, UpstreamFault, Cohort, CategorySplit}

// Incident is one entry of the timetable. Which of the later fields count depends on the kind.
type Incident struct {
	Kind        string  `toml:"incident" json:"incident"`
	From        float64 `toml:"from" json:"from"` // day
	Until       float64 `toml:"until" json:"until,omitzero"`
	Width       float64 `toml:"width" json:"width,omitzero"`
	Rise        float64 `toml:"rise" json:"rise,omitzero"`
	EuroShare   float64 `toml:"euro_share" json:"euro_share,omitzero"`
	RenameShare float64 `toml:"rename_share" json:"rename_share,omitzero"`
	Count       int     `toml:"count" json:"count,omitzero"`
	Segment     string  `toml:"segment" json:"segment,omitzero"`
	Category    string  `toml:"category" json:"category,omitzero"`
	Into        string  `toml:"into" json:"into,omitzero"`
}

// Inject is the same scenario with one more incident. Events that arrive before the incident begins stay as they are.
func (c Config) Inject(i Incident) (Config, error) {
	c.Timetable = append(slices.Clone(c.Timetable), i)
	return c, c.Validate()
}

// begin and end are milliseconds since the epoch.
func (i *Incident) begin() int64 { return draw.Round(i.From * dayMS) }
func (i *Incident) end() int64   { return draw.Round(i.Until * dayMS) }

func (i *Incident) covers(ms int64) bool { return ms >= i.begin() && ms < i.end() }

// title describes the incident for people.
func (i *Incident) title() string {
	switch i.Kind {
	case LabelOutage:
		return "label outage"
	case CardTestingOn:
		return "concept drift: stolen cards are tested with small payments"
	case AmountDrift:
		return fmt.Sprintf("covariate drift: amounts grow by %.0f %%", float64(i.Rise*100))
	case UpstreamFault:
		return "upstream fault: euro instead of cents, channel renamed"
	case Cohort:
		return fmt.Sprintf("%d new customers of segment %s in one day", i.Count, i.Segment)
	default:
		return fmt.Sprintf("category %s split: %s", i.Category, i.Into)
	}
}

// timeline is the timetable as the lab shows it, in order of time.
func (w *World) timeline() []sim.Incident {
	var line []sim.Incident
	for _, i := range w.cfg.Timetable {
		entry := sim.Incident{Kind: i.Kind, From: w.instant(i.begin()), Title: i.title()}
		switch i.Kind {
		case LabelOutage, UpstreamFault:
			entry.Until = w.instant(i.end())
		case Cohort:
			entry.Until = w.instant(i.begin() + dayMS)
		case AmountDrift: // from a tenth of the rise to nine tenths
			entry.From = w.instant(i.begin() - draw.Round(float64(i.Width*0.55)*dayMS))
			entry.Until = w.instant(i.begin() + draw.Round(float64(i.Width*0.55)*dayMS))
		}
		line = append(line, entry)
	}
	slices.SortStableFunc(line, func(a, b sim.Incident) int { return cmp.Compare(a.From.UnixNano(), b.From.UnixNano()) })
	return line
}

// incidents returns those of one kind.
func (w *World) incidents(kind string) []*Incident {
	var found []*Incident
	for i := range w.cfg.Timetable {
		if w.cfg.Timetable[i].Kind == kind {
			found = append(found, &w.cfg.Timetable[i])
		}
	}
	return found
}

// outageEnd is when a label that is reported at ms comes through: at ms, or at the end of the outages around it.
func (w *World) outageEnd(ms int64) (int64, bool) {
	held := false
	for again := true; again; { // one outage may end inside another
		again = false
		for _, i := range w.outages {
			if i.covers(ms) {
				ms, held, again = i.end(), true, true
			}
		}
	}
	return ms, held
}

// cardTesting says whether kind A is card testing at a time.
func (w *World) cardTesting(ms int64) bool {
	for _, i := range w.testing {
		if ms >= i.begin() {
			return true
		}
	}
	return false
}

// amountFactor is the covariate drift at a time: 1 + rise / (1 + exp(-4 (t - from) / width)) for each drift.
//
// Before two widths ahead of it a drift has no effect at all (the curve would give less than 0.0004 of its rise): so a
// drift can be injected without changing the past further back.
func (w *World) amountFactor(ms int64) float64 {
	factor := 1.0
	for _, i := range w.drifts {
		t := float64(ms)/dayMS - i.From
		if t < float64(-2*i.Width) {
			continue
		}
		s := 1 / (1 + draw.Exp(-4*t/i.Width))
		factor = float64(factor * (1 + float64(i.Rise*s)))
	}
	return factor
}

// upstreamFault says what the systems of a merchant get wrong at a time.
func (w *World) upstreamFault(merchant int, ms int64) (euro, rename bool) {
	for _, i := range w.faults {
		if i.covers(ms) {
			k := w.root.For("upstream fault").With(int64(merchant))
			euro = euro || k.For("euro").Rand().Chance(i.EuroShare)
			rename = rename || k.For("rename").Rand().Chance(i.RenameShare)
		}
	}
	return euro, rename
}

// category is the name of a merchant's category at a time.
func (w *World) category(m *merchant, ms int64) string {
	name := w.cfg.Merchants.Categories[m.category].Name
	for _, i := range w.splits {
		if name == i.Category && ms >= i.begin() && w.root.For("category split").For(i.Into).With(int64(m.index)).Rand().Chance(0.5) {
			name = i.Into
		}
	}
	return name
}

func (w *World) instant(ms int64) time.Time {
	return w.cfg.Epoch.Add(time.Duration(ms) * time.Millisecond)
}

func joinKey(key []string) string { return strings.Join(key, ".") }
