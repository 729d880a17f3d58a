package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/lab/sim"
)

// Investigator is a Scenario in which somebody checks, when a day is over, the facts of it that the champion scored
// highest, and says soon what is true of each: labels of both classes, of facts that a model has chosen.
type Investigator interface {
	ChecksDay() int // how many facts of a day are checked; 0: none
	// Investigate gives the labels of facts that are checked at an instant, each with the time when it arrives. Asked again
	// it gives the same.
	Investigate(at time.Time, facts []Checked) ([]sim.Event, error)
}

// Checked is a fact that is looked at.
type Checked struct {
	ID string
	At time.Time // when it occurred
}

// investigator is nil where nobody checks.
func (l *Lab) investigator() Investigator {
	if who, ok := l.scenario.(Investigator); ok && who.ChecksDay() > 0 {
		return who
	}
	return nil
}

// investigate begins the checks of a day that is over, where at is its end, in the producer's transaction. The producer
// has waited until all that it published is scored (see settle), so what is checked is a fact as well.
func (l *Lab) investigate(ctx context.Context, tx pgx.Tx, at time.Time) error {
	who := l.investigator()
	if who == nil || at.Before(l.info.GoLive) || !l.beginsDay(at) {
		return nil
	}
	var checks []Checked
	err := collect(ctx, tx, &checks, `select fact_id, occurred_at from lab.predictions
		where occurred_at >= $1::timestamptz - interval '1 day' and occurred_at < $1 and known_at < $1 and acted and not served
		order by score desc, fact_id collate "C" limit $2`, at, who.ChecksDay())
	if err != nil {
		return err
	}
	labels, err := who.Investigate(at, checks)
	if err != nil {
		return fmt.Errorf("investigate the day before %s: %w", at.UTC().Format(time.RFC3339), err)
	}
	rows := make([][]any, len(labels))
	for i := range labels {
		rows[i] = []any{labels[i].ID, checks[i].ID, at, labels[i].ArrivesAt, labels[i]}
	}
	return insertNew(ctx, tx, "investigations", []string{"event_id", "fact_id", "checked_at", "arrives_at", "event"}, rows)
}

// investigated are the labels of checks that arrive in [from, until).
func (l *Lab) investigated(ctx context.Context, tx pgx.Tx, from, until time.Time) (labels []sim.Event, err error) {
	if l.investigator() == nil {
		return nil, nil
	}
	rows, err := tx.Query(ctx, "select event from lab.investigations where arrives_at >= $1 and arrives_at < $2 order by arrives_at, event_id", from, until)
	if err != nil {
		return nil, fmt.Errorf("read investigations: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[sim.Event])
}
