package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/howdah/howdah"
)

// maxLine is the longest line of NDJSON; PostgreSQL's own limit of a value is 1 GB.
const maxLine = 64 << 20

// decoder makes events of lines.
type decoder struct {
	key, time string
	zone      *time.Location // of times without one; nil: they are refused
	strings   bool
	documents bool // what is read goes into jsonb
}

// read is an event and where it was read.
type read struct {
	howdah.Event
	source string
	line   int
}

// readAll sends the events of all sources, until one is bad or ctx ends.
func readAll(ctx context.Context, sources []source, d *decoder, p *progress, events chan<- read) error {
	send := func(e read) error {
		select {
		case events <- e:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, s := range sources {
		r, err := s.open()
		if err != nil {
			return err
		}
		counted := bufio.NewReaderSize(io.TeeReader(r, p), 1<<16)
		start, _ := counted.Peek(3) // a byte order mark
		if bytes.Equal(start, []byte("\xef\xbb\xbf")) {
			_, _ = counted.Discard(3)
		}
		switch {
		case bytes.HasPrefix(start, []byte("\xff\xfe")) || bytes.HasPrefix(start, []byte("\xfe\xff")):
			err = fmt.Errorf("%s is UTF-16: convert it first, such as with iconv -f utf16 -t utf8", s.name)
		case s.csv:
			err = d.csv(counted, s.name, send)
		default:
			err = d.ndjson(counted, s.name, send)
		}
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) ndjson(r io.Reader, name string, send func(read) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), maxLine)
	nr := 0
	for lines.Scan() {
		nr++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if !utf8.Valid(line) {
			return fmt.Errorf("%s:%d: %w", name, nr, notUTF8(string(line)))
		}
		e, err := d.event(bytes.Clone(line))
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, nr, err)
		}
		if err := send(read{e, name, nr}); err != nil {
			return err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%s:%d: the line is longer than %d MiB", name, nr+1, maxLine>>20)
	} else if err != nil {
		return fmt.Errorf("%s:%d: %w", name, nr+1, err)
	}
	return nil
}

// event takes a JSON value as it is, and key and time from its fields.
func (d *decoder) event(payload []byte) (howdah.Event, error) {
	e := howdah.Event{Payload: payload}
	if d.key == "" && d.time == "" {
		if !json.Valid(payload) {
			return e, invalidJSON(payload)
		}
		return e, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil {
		if json.Valid(payload) {
			return e, fmt.Errorf("not a JSON object, so it has no field for --key or --time: %s", clip(string(payload), 60))
		}
		return e, invalidJSON(payload)
	}
	if d.documents {
		if err := refuseEscapes("documents", payload); err != nil {
			return e, err
		}
	}
	if d.key != "" {
		v, ok := fields[d.key]
		if !ok {
			return e, fmt.Errorf("field %q for --key is missing in %s", d.key, clip(string(payload), 60))
		}
		if v[0] == '"' {
			if err := refuseEscapes("keys", v); err != nil {
				return e, fmt.Errorf("field %q: %w", d.key, err)
			}
		}
		if e.Key = plain(v); string(v) == "null" {
			e.Key = ""
		}
	}
	if d.time != "" {
		v, ok := fields[d.time]
		if !ok {
			return e, fmt.Errorf("field %q for --time is missing in %s", d.time, clip(string(payload), 60))
		}
		at, err := d.instant(plain(v))
		if err != nil {
			return e, fmt.Errorf("field %q: %w", d.time, err)
		}
		e.EventTime = at
	}
	return e, nil
}

func notUTF8(s string) error {
	return fmt.Errorf("%q is not UTF-8: convert it first, such as with iconv -f latin1 -t utf8", clip(s, 60))
}

func invalidJSON(line []byte) error {
	var v any
	err := json.Unmarshal(line, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		message := fmt.Sprintf("not JSON: %s, at character %d of %s", syntax.Error(), syntax.Offset, clip(string(line), 60))
		if syntax.Offset == int64(len(line)) && bytes.IndexByte([]byte("{[,:"), line[len(line)-1]) >= 0 {
			message += "; write one whole JSON value a line, such as with jq -c ."
		}
		return errors.New(message)
	}
	return fmt.Errorf("not JSON: %w", err)
}

// refuseEscapes refuses what JSON may say and PostgreSQL's text and jsonb cannot hold: \u0000, and half a surrogate pair.
func refuseEscapes(what string, value []byte) error {
	code := func(i int) uint64 {
		if len(value) < i+6 || value[i] != '\\' || value[i+1] != 'u' {
			return 0x10000 // no escape of a code
		}
		n, _ := strconv.ParseUint(string(value[i+2:i+6]), 16, 16)
		return n
	}
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' { // which stands in strings only
			continue
		}
		switch c := code(i); {
		case c>>10 == 0xd800>>10 && code(i+6)>>10 == 0xdc00>>10:
			i += 11
		case c == 0, c>>11 == 0xd800>>11:
			return fmt.Errorf("the escape %s cannot be stored in %s: remove or replace it in %s", value[i:i+6], what, clip(string(value), 60))
		default:
			i++ // what is escaped may be a backslash
		}
	}
	return nil
}

// plain is a JSON string's content, and any other JSON value as it is written.
func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

var zonedTimes = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00", "2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05 MST"}
var localTimes = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

func (d *decoder) instant(s string) (time.Time, error) {
	for _, layout := range zonedTimes[:len(zonedTimes)-1] {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if t, err := time.Parse(zonedTimes[len(zonedTimes)-1], s); err == nil && t.Location() == time.UTC {
		return t, nil // other abbreviations mean different zones to different people
	}
	for _, layout := range localTimes {
		zone := d.zone
		if zone == nil {
			zone = time.UTC
		}
		t, err := time.ParseInLocation(layout, s, zone)
		if err != nil {
			continue
		}
		if d.zone == nil {
			return t, fmt.Errorf("time %q has no zone: write it like %sZ, or say --zone America/Chicago (or whichever it is)", s, t.Format("2006-01-02T15:04:05"))
		}
		return t.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write it like 2026-01-31T12:00:00Z", clip(s, 60))
}

func (d *decoder) csv(r io.Reader, name string, send func(read) error) error {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	next := func() ([]string, error) {
		row, err := rows.Read()
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("%s:%d: the header has %s, this row %d", name, line, count(int64(rows.FieldsPerRecord), "field"), len(row))
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s: %w", name, err) // the csv error names the line
		}
		for i, v := range row {
			if !utf8.ValidString(v) {
				line, _ := rows.FieldPos(i)
				return nil, fmt.Errorf("%s:%d: %w", name, line, notUTF8(v))
			}
		}
		return row, err
	}
	header, err := next()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	var names [][]byte
	seen := map[string]bool{}
	for _, h := range header {
		if seen[h] {
			return fmt.Errorf("%s:1: column %q is there twice in the header", name, h)
		}
		seen[h] = true
		names = append(names, jsonString(h))
	}
	for {
		row, err := next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		var b bytes.Buffer
		for i, v := range row {
			b.WriteByte("{,"[min(i, 1)])
			b.Write(names[i])
			b.WriteByte(':')
			b.Write(d.value(v))
		}
		b.WriteByte('}')
		line, _ := rows.FieldPos(0)
		e, err := d.event(b.Bytes())
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if err := send(read{e, name, line}); err != nil {
			return err
		}
	}
}

// jsonNumber is what JSON takes for a number: no leading zeros, so that codes such as 007 stay strings.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// value is a cell as JSON: numbers (digit for digit), true, false, nothing as null, all else as a string.
func (d *decoder) value(s string) []byte {
	switch {
	case d.strings:
	case s == "":
		return []byte("null")
	case s == "true" || s == "false" || jsonNumber.MatchString(s):
		return []byte(s)
	}
	return jsonString(s)
}

func jsonString(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string cannot fail
	return bytes.TrimSpace(b.Bytes())
}
