package sim

import (
	"fmt"
	"time"
)

// World is a scenario with its seed: a pure function from a day to its events. Its methods may be called from many
// goroutines at once.
type World interface {
	// Info describes the world. It never changes.
	Info() Info
	// Day returns the events that arrive on a day, by arrival. Day 0 begins at the epoch; a negative day is an error.
	Day(day int) ([]Event, error)
	// Oracle returns the truth about the same events: Oracle(d)[i] is about Day(d)[i].
	Oracle(day int) ([]Truth, error)
}

// Info is what a producer, a page or a report needs to know of a world.
type Info struct {
	Scenario string       `json:"scenario"`
	Version  int          `json:"version"`
	Seed     uint64       `json:"seed"`
	Epoch    time.Time    `json:"epoch"`
	GoLive   time.Time    `json:"go_live"` // before it: the prehistory, which is loaded in bulk
	End      time.Time    `json:"end"`     // after it: a steady state without incidents
	Speed    float64      `json:"speed"`   // suggested scenario seconds per second
	Streams  []StreamInfo `json:"streams"`
	Timeline []Incident   `json:"timeline"`
}

// StreamInfo describes one stream of a world.
type StreamInfo struct {
	Name string `json:"name"`
	Key  string `json:"key"` // what the key of its events is
	// Reference streams carry the changes of reference data ({…, "valid_from", "profile"}), the others facts.
	Reference bool `json:"reference"`
	// Dirty streams may carry payloads that are not JSON: their topic needs the bytes format.
	Dirty bool `json:"dirty"`
}

// Incident is something planned that happens to the world between two instants of scenario time.
type Incident struct {
	Kind  string    `json:"kind"`
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"` // zero: it does not end
	Title string    `json:"title"`
}

// DayStart is the first instant of a day.
func DayStart(epoch time.Time, day int) time.Time {
	return epoch.Add(time.Duration(day) * 24 * time.Hour)
}

// DayOf is the day that holds the instant t; it is negative before the epoch.
func DayOf(epoch, t time.Time) int {
	d := t.Sub(epoch)
	day := int(d / (24 * time.Hour))
	if d < 0 && d%(24*time.Hour) != 0 {
		day--
	}
	return day
}

// Position says which event is next: the one at Index among the events of Day. The zero value is the beginning.
type Position struct {
	Day   int `json:"day"`
	Index int `json:"index"`
}

func (p Position) String() string { return fmt.Sprintf("day %d, event %d", p.Day, p.Index) }

// PositionAt is the position of the first event that arrives at t or later.
func PositionAt(w World, t time.Time) (Position, error) {
	day := DayOf(w.Info().Epoch, t)
	if day < 0 {
		return Position{}, nil
	}
	events, err := w.Day(day)
	if err != nil {
		return Position{}, err
	}
	return Position{Day: day, Index: firstAtOrAfter(events, t)}, nil
}
