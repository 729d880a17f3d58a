package sim

import (
	"fmt"
	"sort"
	"time"
)

// emptyDays is how many days without any event a Feed passes before it takes the world for dried up.
const emptyDays = 3660

// Feed hands out the events of a world in order of arrival, from a position on. Whoever publishes them stores
// Position in the same transaction; a new Feed made from it goes on exactly there.
//
// A Feed is not for concurrent use.
type Feed struct {
	world  World
	pos    Position
	events []Event // of pos.Day
	loaded bool
}

// NewFeed starts at a position.
func NewFeed(w World, from Position) *Feed { return &Feed{world: w, pos: from} }

// Position is where the next Take begins.
func (f *Feed) Position() Position { return f.pos }

// NextArrival is the scenario time at which the next event arrives.
func (f *Feed) NextArrival() (time.Time, error) {
	if err := f.seekEvent(); err != nil {
		return time.Time{}, err
	}
	return f.events[f.pos.Index].ArrivesAt, nil
}

// Take returns the next events that arrive before until, at most max of them, and moves the position behind them.
// No events: nothing is due. It stops at the end of a day, so call it until it returns none.
func (f *Feed) Take(until time.Time, max int) ([]Event, error) {
	if max <= 0 {
		return nil, fmt.Errorf("take events: a maximum of %d; ask for at least 1", max)
	}
	// A day that has not begun need not be produced to know that nothing of it is due.
	if !f.loaded && !DayStart(f.world.Info().Epoch, f.pos.Day).Before(until) {
		return nil, nil
	}
	for {
		if err := f.load(); err != nil {
			return nil, err
		}
		if f.pos.Index < len(f.events) {
			break
		}
		if !DayStart(f.world.Info().Epoch, f.pos.Day+1).Before(until) {
			return nil, nil
		}
		f.nextDay()
	}
	rest := f.events[f.pos.Index:]
	n := min(firstAtOrAfter(rest, until), max)
	f.pos.Index += n
	return rest[:n:n], nil
}

func (f *Feed) load() error {
	if f.loaded {
		return nil
	}
	events, err := f.world.Day(f.pos.Day)
	if err != nil {
		return err
	}
	if f.pos.Index < 0 || f.pos.Index > len(events) {
		return fmt.Errorf("feed: no event %d on day %d, which has %d; the position is from another seed or scenario",
			f.pos.Index, f.pos.Day, len(events))
	}
	f.events, f.loaded = events, true
	return nil
}

func (f *Feed) nextDay() {
	f.pos, f.events, f.loaded = Position{Day: f.pos.Day + 1}, nil, false
}

func (f *Feed) seekEvent() error {
	for range emptyDays {
		if err := f.load(); err != nil {
			return err
		}
		if f.pos.Index < len(f.events) {
			return nil
		}
		f.nextDay()
	}
	return fmt.Errorf("feed: no event in %d days before day %d", emptyDays, f.pos.Day)
}

// firstAtOrAfter is the index of the first event that arrives at t or later.
func firstAtOrAfter(events []Event, t time.Time) int {
	return sort.Search(len(events), func(i int) bool { return !events[i].ArrivesAt.Before(t) })
}
