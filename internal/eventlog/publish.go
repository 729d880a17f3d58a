package eventlog

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Querier is a connection or a transaction.
type Querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Publish appends events to a topic on conn, inside whatever transaction is open there, and returns the id of the last
// one. One event is one INSERT; more are one COPY, so that either all of them are appended or none.
func Publish(ctx context.Context, conn *pgx.Conn, topic string, bytesFormat bool, events []Event) (int64, error) {
	if len(events) == 0 {
		return 0, errors.New("publish: no events")
	}
	if len(events) == 1 && !bytesFormat {
		return publishOne(ctx, conn, topic, &events[0])
	}
	for i, e := range events { // what howdah.publish refuses too
		if h := bytes.TrimSpace(e.Headers); len(h) > 0 && h[0] != '{' && string(h) != "null" {
			return 0, fmt.Errorf("event %d of %d: headers are no JSON object but %.60s: write them like {\"trace\": \"42\"}", i+1, len(events), h)
		}
	}
	now, err := fillIn(ctx, conn, events)
	if err != nil {
		return 0, err
	}
	columns := "key, payload, headers"
	if !now.IsZero() {
		columns += ", event_time"
	}
	sql := "copy " + pgx.Identifier{"events", topic}.Sanitize() + " (" + columns + ") from stdin"
	if _, err := conn.PgConn().CopyFrom(ctx, &copyText{events: events, now: now, raw: bytesFormat}, sql); err != nil {
		return 0, err
	}
	var id int64
	err = conn.QueryRow(ctx, "select howdah.last_id($1)", topic).Scan(&id)
	return id, err
}

func publishOne(ctx context.Context, conn *pgx.Conn, topic string, e *Event) (int64, error) {
	var id int64
	err := conn.QueryRow(ctx, "select howdah.publish($1::text, $2::json, $3::text, $4::timestamptz, $5::jsonb)",
		topic, string(e.Payload), text(e.Key), instant(e.EventTime), text(string(e.Headers))).Scan(&id)
	return id, err
}

// fillIn returns the time for events that have none, or the zero time where no event has one and the column's default
// will do.
func fillIn(ctx context.Context, conn *pgx.Conn, events []Event) (now time.Time, err error) {
	some, all := false, true
	for i := range events {
		some = some || !events[i].EventTime.IsZero()
		all = all && !events[i].EventTime.IsZero()
	}
	switch {
	case !some:
		return time.Time{}, nil
	case all:
		return events[0].EventTime, nil
	}
	err = conn.QueryRow(ctx, "select now()").Scan(&now)
	return now, err
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// copyText renders events in COPY's text format, a few hundred kilobytes at a time.
type copyText struct {
	events []Event
	now    time.Time // zero: no event_time column
	raw    bool      // payload is bytea
	next   int
	buf    bytes.Buffer
}

const copyChunk = 256 << 10

func (c *copyText) Read(p []byte) (int, error) {
	for c.buf.Len() < copyChunk && c.next < len(c.events) {
		if err := c.row(&c.events[c.next]); err != nil {
			return 0, fmt.Errorf("event %d of %d: %w", c.next+1, len(c.events), err)
		}
		c.next++
	}
	return c.buf.Read(p)
}

func (c *copyText) row(e *Event) error {
	if len(e.Payload) == 0 && !c.raw {
		return errors.New("the payload is empty: publish a JSON value, such as null")
	}
	if e.Key == "" {
		c.buf.WriteString(`\N`)
	} else {
		escape(&c.buf, []byte(e.Key))
	}
	c.buf.WriteByte('\t')
	if c.raw {
		c.buf.WriteString(`\\x`)
		c.buf.WriteString(hex.EncodeToString(e.Payload))
	} else {
		escape(&c.buf, e.Payload)
	}
	c.buf.WriteByte('\t')
	if len(e.Headers) == 0 {
		c.buf.WriteString(`\N`)
	} else {
		escape(&c.buf, e.Headers)
	}
	if !c.now.IsZero() {
		t := e.EventTime
		if t.IsZero() {
			t = c.now
		}
		c.buf.WriteByte('\t')
		c.buf.WriteString(t.UTC().Format("2006-01-02 15:04:05.999999999Z07:00"))
	}
	c.buf.WriteByte('\n')
	return nil
}

// escape writes s as a value of COPY's text format: backslash, tab, newline and carriage return are special.
func escape(buf *bytes.Buffer, s []byte) {
	from := 0
	for i, b := range s {
		var as string
		switch b {
		case '\\':
			as = `\\`
		case '\t':
			as = `\t`
		case '\n':
			as = `\n`
		case '\r':
			as = `\r`
		default:
			continue
		}
		buf.Write(s[from:i])
		buf.WriteString(as)
		from = i + 1
	}
	buf.Write(s[from:])
}
