// Package eventlog speaks SQL for the log: it publishes, reserves, reads and settles through the functions of schema
// howdah, and knows how a process sleeps until there is something to do. The rules are in SQL.
package eventlog

import (
	"encoding/json"
	"time"
)

// An Event is one event of a topic. To publish one, set Payload and whatever else is known; the rest is filled in by
// the database.
type Event struct {
	ID         int64           // position in the topic, ascending; set by the database
	Partition  int             // 0 in a topic with one partition; set by the database
	Key        string          // what the event is about; empty means none
	Payload    []byte          // JSON, kept to the byte; any content in a topic of format bytes
	Headers    json.RawMessage // a JSON object, or nil
	EventTime  time.Time       // when it happened; zero when publishing means now
	ReceivedAt time.Time       // when it arrived; set by the database
	Attempt    int             // 1 on first delivery; set by a claim
}

// A Reservation is a claim that has been committed, before its rows are read.
type Reservation struct {
	ClaimID    int64
	Lane       int
	FirstID    int64
	LastID     int64
	Bits       *string // one character, 0 or 1, for each id; nil: all rows of the range
	Events     int
	Attempt    int
	LeaseUntil time.Time
	DrainedTo  *int64 // behind this claim nothing is left up to this stable id; nil: there may be more
}
