package lab

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/sim"
)

// The machine's alerts are about system time: how far consumers are behind, how long answers take. They are no pipeline,
// which could be behind itself, and depend on the machine, so that a replay has others. Where they are shown with the rest,
// they have the scenario time at which they happened.

const (
	machineEvery  = 5 * time.Second
	latencyWindow = time.Minute
	latencyCalls  = 20 // fewer answers in the window say nothing about a p99
)

// watchMachine looks, while scenario time runs by the clock, until ctx ends. A prehistory and a run as fast as possible
// are behind all the time; that is no fault.
func (l *Lab) watchMachine(ctx context.Context) error {
	for sleep(ctx, machineEvery) == nil {
		c, err := l.Clock(ctx)
		if err == nil && (c.Rate == sim.MaxSpeed || c.Scenario.Before(l.info.GoLive)) {
			continue
		}
		if err == nil {
			err = l.lookAtMachine(ctx, c.Now(time.Now()))
		}
		if err != nil && ctx.Err() == nil && !howdah.IsTemporary(err) {
			return fmt.Errorf("watch the machine: %w", err)
		}
	}
	return nil
}

// lookAtMachine is one look, at a scenario time.
func (l *Lab) lookAtMachine(ctx context.Context, at time.Time) error {
	all, err := l.db.Consumers(ctx)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		var mine bool // and of no other process that runs the lab
		// An alert may end and begin again while scenario time stands still; its beginning is its key.
		err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1, 1), greatest($2, max(greatest(since, resolved_at)) + interval '1 ms')
			from lab.alerts where name in ('lag', 'latency') and state = 'resolved'`, setupLock, at).Scan(&mine, &at)
		if err != nil || !mine {
			return err
		}
		w := &watch{lab: l, tx: tx, at: at}
		if err := w.lag(ctx, all); err != nil {
			return err
		}
		return w.latency(ctx)
	})
}

// lag warns of a consumer that has been behind for some time.
func (w *watch) lag(ctx context.Context, all []howdah.ConsumerInfo) error {
	limit := w.lab.scenario.Policy().Machine.Lag
	for _, p := range w.lab.pipelines() {
		i := slices.IndexFunc(all, func(c howdah.ConsumerInfo) bool { return c.Consumer == p.consumer() })
		if i < 0 {
			continue
		}
		behind := 0.0
		if c := &all[i]; c.LagSeconds != nil && c.Lag > 0 {
			behind = *c.LagSeconds
		}
		if err := w.alert(ctx, alert{Name: "lag", Subject: p.consumer(), Severity: "warning", Expression: fmt.Sprintf("the oldest event that is not done is more than %v old", limit),
			SystemFor: limit, Active: behind > limit.Seconds(), Value: behind, From: w.at, Until: w.at,
			Detail: fmt.Sprintf("%d events, the oldest %.1f s old", all[i].Lag, behind)}); err != nil {
			return err
		}
	}
	return nil
}

// latency warns where clients wait long for predictions.
func (w *watch) latency(ctx context.Context) error {
	var n int
	var p99 float64
	err := w.tx.QueryRow(ctx, `select count(*), coalesce(percentile_cont(0.99) within group (order by latency_us), 0)
		from lab.predictions where served and system_at >= clock_timestamp() - $1::interval`, latencyWindow).Scan(&n, &p99)
	if err != nil {
		return err
	}
	limit := w.lab.scenario.Policy().Machine.Latency
	ms := p99 / 1000
	return w.alert(ctx, alert{Name: "latency", Subject: w.lab.shape.Model, Severity: "warning", Expression: fmt.Sprintf("p99 of the answers of the last minute is above %v", limit),
		SystemFor: latencyWindow / 2, Active: n >= latencyCalls && time.Duration(p99)*time.Microsecond > limit, Value: ms, From: w.at, Until: w.at,
		Detail: fmt.Sprintf("p99 %.1f ms of %d answers, without the wait for the log", ms, n)})
}
