package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Event is one delivery to a stream. Two deliveries of the same event differ in ArrivesAt and Copy only.
type Event struct {
	ID            [16]byte // derived from the seed: a restart or a second delivery gives the same
	Stream        string   // the topic it belongs to
	Type          string   // such as payment.authorized
	SchemaVersion int
	Key           string    // the entity: events of one key belong together
	OccurredAt    time.Time // scenario time of the fact, UTC, whole milliseconds
	ArrivesAt     time.Time // scenario time of the delivery, UTC, whole milliseconds
	Payload       []byte    // JSON, except where dirt made it unparsable; not to be modified
	Copy          int       // 0: the first delivery, 1: a duplicate
}

// UUID is the event's id in its usual form.
func (e *Event) UUID() string { return FormatID(e.ID) }

// FormatID writes an id in the form of a UUID.
func FormatID(id [16]byte) string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// timeLayout is RFC 3339 with milliseconds, always written.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// AppendTime writes t in UTC as RFC 3339 with milliseconds, in quotes.
func AppendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = t.UTC().AppendFormat(dst, timeLayout)
	return append(dst, '"')
}

// AppendEnvelope writes the event as one line of JSON without a newline. A zero ingestedAt (system time) is written
// as null: the event has not been taken in yet. The result is valid JSON unless the payload is not.
func (e *Event) AppendEnvelope(dst []byte, ingestedAt time.Time) []byte {
	dst = append(dst, `{"event_id":"`...)
	dst = append(dst, e.UUID()...)
	dst = append(dst, `","stream":`...)
	dst = strconv.AppendQuote(dst, e.Stream)
	dst = append(dst, `,"type":`...)
	dst = strconv.AppendQuote(dst, e.Type)
	dst = append(dst, `,"schema_version":`...)
	dst = strconv.AppendInt(dst, int64(e.SchemaVersion), 10)
	dst = append(dst, `,"key":`...)
	dst = strconv.AppendQuote(dst, e.Key)
	dst = append(dst, `,"occurred_at":`...)
	dst = AppendTime(dst, e.OccurredAt)
	dst = append(dst, `,"ingested_at":`...)
	if ingestedAt.IsZero() {
		dst = append(dst, "null"...)
	} else {
		dst = AppendTime(dst, ingestedAt)
	}
	dst = append(dst, `,"payload":`...)
	dst = append(dst, e.Payload...)
	return append(dst, '}')
}

// Hash is a SHA-256 over events, their order and their instants of arrival, in hexadecimal. Equal hashes mean equal
// streams, whatever machine made them.
func Hash(events []Event) string {
	h := sha256.New()
	var line []byte
	for i := range events {
		line = events[i].AppendEnvelope(line[:0], time.Time{})
		line = AppendTime(line, events[i].ArrivesAt)
		line = append(line, '\n')
		h.Write(line)
	}
	return hex.EncodeToString(h.Sum(nil))
}
