package payments

import (
	"fmt"
	"time"

	"github.com/howdah/howdah/lab/sim"
	"github.com/howdah/howdah/lab/sim/draw"
)

// Check asks the investigator about one payment.
type Check struct {
	TransactionID string
	OccurredAt    time.Time
}

// ChecksDay is how many payments of a day are checked; 0 where there is no investigator.
func (w *World) ChecksDay() int {
	if !w.cfg.Investigator.Enabled {
		return 0
	}
	return w.cfg.Investigator.PerDay
}

// Investigate returns the labels, of both classes, that an investigator gives after checking payments at an instant:
// each comes some hours later, see [investigator] in the scenario file. These events are not part of Day, because what
// is checked depends on somebody's model; asking twice gives the same events. Results are in the order of the checks.
func (w *World) Investigate(at time.Time, checks []Check) ([]sim.Event, error) {
	asked := at.Sub(w.cfg.Epoch).Milliseconds()
	span := w.cfg.Investigator.Hours
	events := make([]sim.Event, 0, len(checks))
	for _, c := range checks {
		p := w.find(c)
		if p == nil {
			return nil, fmt.Errorf("investigate: no payment %q occurred at %s", c.TransactionID, c.OccurredAt.UTC().Format(time.RFC3339Nano))
		}
		if p.at > asked {
			return nil, fmt.Errorf("investigate: payment %q occurred after the check, which is at %s", c.TransactionID, at.UTC().Format(time.RFC3339))
		}
		k := p.key.For("investigation")
		done := w.instant(asked + k.Rand().Between(draw.Round(span[0]*hourMS), draw.Round(span[1]*hourMS)))
		payload := fmt.Appendf(nil, `{"label_id":"%s","transaction_id":"%s","is_fraud":%t,"source":"investigation","reported_at":`,
			k.Hex(), p.id(), p.kind != honest)
		payload = append(sim.AppendTime(payload, done), '}')
		events = append(events, sim.Event{
			ID: k.For("event").ID(), Stream: streamLabels, Type: "label.reported", SchemaVersion: 1, Key: p.id(),
			OccurredAt: done, ArrivesAt: done, Payload: payload,
		})
	}
	return events, nil
}

// find looks a payment up by its id and time. A fraud can belong to the day before it occurred.
func (w *World) find(c Check) *payment {
	day := sim.DayOf(w.cfg.Epoch, c.OccurredAt)
	for d := day; d >= max(0, day-1); d-- {
		payments := w.facts.get(d).payments
		for i := range payments {
			if payments[i].id() == c.TransactionID {
				return &payments[i]
			}
		}
	}
	return nil
}
