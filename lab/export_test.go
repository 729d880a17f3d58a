package lab

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// LookAtMachine is one look of the watch over consumers and answers, at a scenario time.
func (l *Lab) LookAtMachine(ctx context.Context, at time.Time) error { return l.lookAtMachine(ctx, at) }

// LookAtCoverage is the monitor's daily look at the labels.
func (l *Lab) LookAtCoverage(ctx context.Context, at time.Time) error {
	return pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		return (&watch{lab: l, tx: tx, at: at}).coverage(ctx)
	})
}
