package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab/sim"
)

// Clock is the scenario clock as it is stored.
func (l *Lab) Clock(ctx context.Context) (sim.Clock, error) { return readClock(ctx, l.db.Pool()) }

func readClock(ctx context.Context, q querier) (c sim.Clock, err error) {
	err = q.QueryRow(ctx, "select clock from lab.settings").Scan(&c)
	if err != nil {
		err = fmt.Errorf("read the scenario clock: %w", err)
	}
	return c, err
}

// ChangeClock changes the scenario clock. Whoever runs the lab follows within a moment; while nobody does, scenario time
// stands still, and the change holds from when somebody goes on.
func (l *Lab) ChangeClock(ctx context.Context, change func(sim.Clock) (sim.Clock, error)) (c sim.Clock, err error) {
	err = pgx.BeginFunc(ctx, l.db.Pool(), func(tx pgx.Tx) error {
		var arrived time.Time
		var running bool
		if err := tx.QueryRow(ctx, "select clock, arrived_until, "+anyRunner+" from lab.settings for update").Scan(&c, &arrived, &running); err != nil {
			return err
		}
		if !running {
			c = standing(c, arrived)
		}
		if c, err = change(c); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "update lab.settings set clock = $1", c)
		return err
	})
	return c, err
}

// standing is a clock that nobody has run lately: what it showed, or as far as events have been published.
func standing(c sim.Clock, arrived time.Time) sim.Clock {
	c.System, c.Scenario = time.Now().UTC(), later(c.Scenario, arrived).UTC()
	return c
}

// ClockChange is what somebody wants of the scenario clock; what is nil or 0 stays.
type ClockChange struct {
	Speed  *float64      // scenario seconds a second
	Day    *int          // jump to its beginning; what is due till then comes at once
	Step   time.Duration // of scenario time, paused or not
	Paused *bool
}

// Set changes the scenario clock.
func (l *Lab) Set(ctx context.Context, x ClockChange) (sim.Clock, error) {
	return l.ChangeClock(ctx, func(c sim.Clock) (sim.Clock, error) {
		c, err := x.apply(l, c, time.Now())
		if err != nil && !errors.Is(err, howdah.ErrInvalid) {
			err = fmt.Errorf("%w: %w", err, howdah.ErrInvalid)
		}
		return c, err
	})
}

func (x ClockChange) apply(l *Lab, c sim.Clock, now time.Time) (_ sim.Clock, err error) {
	if x.Speed != nil {
		if *x.Speed <= 0 {
			return c, fmt.Errorf("the speed is %v; give scenario seconds a second, such as 720: %w", *x.Speed, howdah.ErrInvalid)
		}
		if c, err = c.SetRate(now, *x.Speed); err != nil {
			return c, err
		}
	}
	if x.Day != nil {
		if c, err = c.Jump(now, l.dayStart(*x.Day)); err != nil {
			return c, err
		}
	}
	if x.Step != 0 {
		if c, err = c.Step(now, x.Step); err != nil {
			return c, err
		}
	}
	switch {
	case x.Paused == nil:
	case *x.Paused:
		c = c.Pause(now)
	default:
		c = c.Resume(now)
	}
	return c, nil
}
