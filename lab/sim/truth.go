package sim

import (
	"encoding/json"
	"time"
)

// Outcome is what a correct cleaning step does with an event.
type Outcome string

// The outcomes.
const (
	Accepted    Outcome = "accepted"    // as it is; a missing optional field or an unknown one is tolerated
	Converted   Outcome = "converted"   // after a conversion: a time with an offset, an amount written as text
	Quarantined Outcome = "quarantined" // set aside under the name of a rule
	Duplicate   Outcome = "duplicate"   // dropped, the event is known
)

// Truth is what a learner's system has to find out about one delivery. It is for instructors and tests only.
type Truth struct {
	EventID   string    `json:"event_id"`
	Stream    string    `json:"stream"`
	Type      string    `json:"type"`
	Copy      int       `json:"copy"`
	ArrivesAt time.Time `json:"arrives_at"`
	Outcome   Outcome   `json:"outcome"`
	Rule      string    `json:"rule,omitempty"`   // the quarantine rule
	Dirt      []string  `json:"dirt,omitempty"`   // what was done to this event at random
	Faults    []string  `json:"faults,omitempty"` // which incidents of the timetable touched it
	Fact      any       `json:"fact,omitempty"`   // the scenario's own truth about the entity behind the event
}

// Tally counts truths.
type Tally struct {
	Events      int             `json:"events"`
	Types       map[string]int  `json:"types"`
	Outcomes    map[Outcome]int `json:"outcomes"`
	Quarantined map[string]int  `json:"quarantined"` // by rule
	Dirt        map[string]int  `json:"dirt"`
	Faults      map[string]int  `json:"faults"`
}

// Add counts more truths.
func (t *Tally) Add(truths []Truth) {
	if t.Types == nil {
		t.Types, t.Outcomes = map[string]int{}, map[Outcome]int{}
		t.Quarantined, t.Dirt, t.Faults = map[string]int{}, map[string]int{}, map[string]int{}
	}
	for i := range truths {
		truth := &truths[i]
		t.Events++
		t.Types[truth.Type]++
		t.Outcomes[truth.Outcome]++
		if truth.Outcome == Quarantined {
			t.Quarantined[truth.Rule]++
		}
		for _, d := range truth.Dirt {
			t.Dirt[d]++
		}
		for _, f := range truth.Faults {
			t.Faults[f]++
		}
	}
}

// AppendJSON writes the truth as one line of JSON.
func (t *Truth) AppendJSON(dst []byte) ([]byte, error) {
	line, err := json.Marshal(t)
	if err != nil {
		return dst, err
	}
	return append(dst, line...), nil
}
