package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/sim"
)

// Progress is told about what takes time.
type Progress struct {
	Day    int    // the scenario day that has been published
	Until  int    // the day at which this part ends
	Events int    // published by this call
	Phase  string // what is done, for people
}

// RunOptions of a Run.
type RunOptions struct {
	Until    int            // stop when this scenario day begins; 0: never
	Fast     bool           // as fast as possible; otherwise by the scenario clock from going live on
	Progress func(Progress) // may be nil
	Ready    func()         // called when the prehistory is in and the lab is live; may be nil
	Speed    float64        // of the clock, where it has not started yet
}

// chunk is how many days of the prehistory are published at a time.
const chunk = 3

// Work runs the pipelines until ctx ends: durable consumers that go on where they were.
func (l *Lab) Work(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	begin := func(f func(context.Context) error) {
		all.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				stop(err)
			}
		})
	}
	begin(l.signIn)
	begin(l.watchMachine)
	for _, p := range l.pipelines() {
		begin(func(ctx context.Context) error { return l.run(ctx, p) })
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Run produces events and runs the pipelines, until the day given or until ctx ends. It goes on where the last run stopped.
func (l *Lab) Run(ctx context.Context, o RunOptions) error {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var work sync.WaitGroup
	work.Go(func() {
		if err := l.Work(working); err != nil {
			stop(err)
		}
	})
	err := l.produce(working, o)
	stop(nil)
	work.Wait()
	if cause := context.Cause(working); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // ended on request
	}
	return err
}

func (l *Lab) produce(ctx context.Context, o RunOptions) error {
	n := 0
	say := func(day, until int, phase string) {
		if o.Progress != nil {
			o.Progress(Progress{Day: day, Until: until, Events: n, Phase: phase})
		}
	}
	live := l.dayOf(l.info.GoLive)
	from, err := l.publishedUntil(ctx)
	if err != nil {
		return err
	}
	last, fresh := live, from.Before(l.info.GoLive)
	if o.Until > 0 {
		last = min(last, o.Until)
	}
	for day := l.dayOf(from); day < last; {
		next := min(day+chunk, last)
		m, err := l.publish(ctx, l.dayStart(next))
		if err != nil {
			return err
		}
		n, day = n+m, next
		say(day, last, "prehistory")
	}
	if err := l.settle(ctx, func(phase string) { say(last, last, phase) }); err != nil {
		return err
	}
	if fresh {
		say(last, last, "tidying up")
		if err := l.tidy(ctx); err != nil {
			return err
		}
	}
	if !o.Fast {
		if err := l.rehearse(ctx); err != nil {
			return fmt.Errorf("prepare for predictions: %w", err)
		}
	}
	if o.Ready != nil {
		o.Ready()
	}
	if o.Fast {
		return l.produceFast(ctx, o, say, &n)
	}
	return l.produceByClock(ctx, o)
}

// tidy does at once, for the tables that the prehistory has filled, what autovacuum would do while clients ask.
func (l *Lab) tidy(ctx context.Context) error {
	if _, err := l.db.Pool().Exec(ctx, "vacuum (analyze) lab.facts, lab.features, lab.labels, lab.profiles, lab.progress, lab.settings, lab.batches"); err != nil {
		return fmt.Errorf("tidy up after the prehistory: %w", err)
	}
	return nil
}

// produceFast publishes day after day and lets the pipelines finish each.
func (l *Lab) produceFast(ctx context.Context, o RunOptions, say func(int, int, string), n *int) error {
	from, err := l.publishedUntil(ctx)
	if err != nil {
		return err
	}
	for day := l.dayOf(from); o.Until == 0 || day < o.Until; day++ {
		m, err := l.publish(ctx, l.dayStart(day+1))
		if err != nil {
			return err
		}
		*n += m
		if err := l.settle(ctx, func(string) {}); err != nil {
			return err
		}
		if _, err := l.ChangeClock(ctx, func(c sim.Clock) (sim.Clock, error) { return c.Advance(time.Now(), l.dayStart(day+1)), nil }); err != nil {
			return err
		}
		say(day+1, o.Until, "live")
	}
	return nil
}

// look is how often the producer looks at the clock.
const look = 100 * time.Millisecond

// produceByClock publishes what the scenario clock has made due. At the end of a scenario day it waits until the day has
// been evaluated and decided upon; what became due meanwhile comes right after.
func (l *Lab) produceByClock(ctx context.Context, o RunOptions) error {
	from, err := l.publishedUntil(ctx)
	if err != nil {
		return err
	}
	speed := o.Speed
	if speed <= 0 {
		speed = l.info.Speed
	}
	// While nobody ran the lab, its time stood still; a pause, a speed or a jump that was asked for meanwhile holds.
	if _, err := l.ChangeClock(ctx, func(c sim.Clock) (sim.Clock, error) {
		c = standing(c, from)
		if c.Rate == sim.MaxSpeed { // it has not started yet, or was played as fast as possible
			c.Rate = speed
		}
		return c, nil
	}); err != nil {
		return err
	}
	for {
		c, err := l.Clock(ctx)
		if err != nil {
			if howdah.IsTemporary(err) && sleep(ctx, look) == nil {
				continue
			}
			return err
		}
		until := c.Now(time.Now()).Truncate(time.Millisecond)
		if o.Until > 0 && until.After(l.dayStart(o.Until)) {
			until = l.dayStart(o.Until)
		}
		for from.Before(until) {
			step := until
			if next := l.dayStart(l.dayOf(from) + 1); next.Before(step) {
				step = next
			}
			if _, err := l.publish(ctx, step); err != nil {
				if howdah.IsTemporary(err) && sleep(ctx, look) == nil {
					continue
				}
				return err
			}
			if from = step; l.beginsDay(from) {
				if err := l.settle(ctx, func(string) {}); err != nil {
					return err
				}
			}
		}
		if o.Until > 0 && !from.Before(l.dayStart(o.Until)) {
			return l.settle(ctx, func(string) {})
		}
		if err := sleep(ctx, look); err != nil {
			return nil // ended on request
		}
	}
}

func (l *Lab) publishedUntil(ctx context.Context) (at time.Time, err error) {
	if err := l.db.Pool().QueryRow(ctx, "select arrived_until from lab.settings").Scan(&at); err != nil {
		return at, fmt.Errorf("read the producer's position: %w", err)
	}
	return at.UTC(), nil
}

// settle waits until every pipeline has done what has been published.
func (l *Lab) settle(ctx context.Context, say func(phase string)) error {
	ids := map[string]int64{}
	if err := l.db.Pool().QueryRow(ctx, "select ids from lab.settings").Scan(&ids); err != nil {
		return fmt.Errorf("wait for the pipelines: %w", err)
	}
	for _, name := range append(l.references(), pipeClean, pipeFeatures, pipeScore, pipeMonitor, pipeEvaluate, pipeTrain) {
		say("waiting for " + name)
		if err := l.awaitIDs(ctx, l.db.Pool(), ids, name); err != nil {
			return err
		}
	}
	return nil
}
