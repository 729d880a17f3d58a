package sim

import (
	"fmt"
	"math"
	"time"
)

// MaxSpeed stands for "as fast as possible": scenario time then moves only when Advance or Step moves it, as far as
// the producer has come, and everything up to there is due at once.
const MaxSpeed = 0

// maxRate keeps the product of a speed and a duration well inside a time.Duration.
const maxRate = 1e6

// Clock maps system time to scenario time and back. It is a value: every change returns a new Clock, which can be
// stored as JSON and goes on in another process. Between two changes, scenario time runs Rate times as fast as system
// time, or not at all while paused.
type Clock struct {
	System   time.Time `json:"system"`   // the instant of the last change
	Scenario time.Time `json:"scenario"` // scenario time at that instant
	Rate     float64   `json:"rate"`     // scenario seconds per system second; MaxSpeed: see there
	Paused   bool      `json:"paused"`
}

// NewClock starts at a scenario time, running.
func NewClock(now, scenario time.Time, rate float64) (Clock, error) {
	if err := checkRate(rate); err != nil {
		return Clock{}, err
	}
	return Clock{System: now.UTC(), Scenario: scenario.UTC(), Rate: rate}, nil
}

func checkRate(rate float64) error {
	if !(rate >= 0 && rate <= maxRate) {
		return fmt.Errorf("speed %v is out of range; give a number from 0 (as fast as possible) to %.0f", rate, float64(maxRate))
	}
	return nil
}

// Now is the scenario time at a system time. A system time before the last change counts as that change: a system
// clock that is set back holds scenario time still, it never turns it back.
func (c Clock) Now(system time.Time) time.Time {
	elapsed := system.Sub(c.System)
	if c.Paused || c.Rate == MaxSpeed || elapsed <= 0 {
		return c.Scenario
	}
	ahead := float64(elapsed) * c.Rate
	if ahead >= math.MaxInt64 {
		return c.Scenario.Add(math.MaxInt64)
	}
	return c.Scenario.Add(time.Duration(ahead))
}

// When is the first system time at which Now reaches a scenario time. It is false where that never happens by itself:
// paused, or at MaxSpeed. A scenario time that has passed gives the last change.
func (c Clock) When(scenario time.Time) (time.Time, bool) {
	ahead := scenario.Sub(c.Scenario)
	if ahead <= 0 {
		return c.System, true
	}
	if c.Paused || c.Rate == MaxSpeed {
		return time.Time{}, false
	}
	wait := math.Ceil(float64(ahead) / c.Rate)
	if wait >= math.MaxInt64 {
		return time.Time{}, false
	}
	at := c.System.Add(time.Duration(wait))
	for c.Now(at).Before(scenario) { // the two roundings can leave it a few nanoseconds short
		at = at.Add(max(1, time.Duration(float64(scenario.Sub(c.Now(at)))/c.Rate)))
	}
	return at, true
}

// Pause stops scenario time.
func (c Clock) Pause(now time.Time) Clock {
	c = c.at(now)
	c.Paused = true
	return c
}

// Resume lets it run again.
func (c Clock) Resume(now time.Time) Clock {
	c = c.at(now)
	c.Paused = false
	return c
}

// SetRate changes the speed.
func (c Clock) SetRate(now time.Time, rate float64) (Clock, error) {
	if err := checkRate(rate); err != nil {
		return c, err
	}
	c = c.at(now)
	c.Rate = rate
	return c, nil
}

// Step moves scenario time on by d, paused or not. A negative step is an error: what was produced stays produced.
func (c Clock) Step(now time.Time, d time.Duration) (Clock, error) {
	if d < 0 {
		return c, fmt.Errorf("step of %v: scenario time cannot go back; use a new database to start again", d)
	}
	c = c.at(now)
	c.Scenario = c.Scenario.Add(d)
	return c, nil
}

// Jump moves scenario time to an instant; everything that arrives before it becomes due at once. Jumping back is an
// error.
func (c Clock) Jump(now, to time.Time) (Clock, error) {
	c = c.at(now)
	if to.Before(c.Scenario) {
		return c, fmt.Errorf("jump to %s: scenario time is already %s and cannot go back; use a new database to start again",
			to.UTC().Format(time.RFC3339), c.Scenario.Format(time.RFC3339))
	}
	c.Scenario = to.UTC()
	return c, nil
}

// Advance is Jump for a producer at MaxSpeed: an earlier instant changes nothing.
func (c Clock) Advance(now, to time.Time) Clock {
	c = c.at(now)
	if to.After(c.Scenario) {
		c.Scenario = to.UTC()
	}
	return c
}

// at is the same clock with its last change moved to now.
func (c Clock) at(now time.Time) Clock {
	c.Scenario = c.Now(now)
	if now.After(c.System) {
		c.System = now.UTC().Round(0) // without the monotonic reading, which another process cannot use
	}
	return c
}
