package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"
	"time"

	"github.com/howdah/howdah"
)

// newEvent is an event to publish.
type newEvent struct {
	Payload       json.RawMessage `json:"payload,omitempty" doc:"The event, any JSON value."`
	PayloadBase64 *string         `json:"payload_base64,omitempty" doc:"The event's bytes, for topics of format bytes."`
	Key           string          `json:"key,omitempty" doc:"What the event is about."`
	Headers       json.RawMessage `json:"headers,omitempty" doc:"A JSON object."`
	EventTime     *string         `json:"event_time,omitempty" format:"date-time" doc:"When it happened, with its zone; default now."`
}

// event is an event as it is handed out.
type event struct {
	ID            int64           `json:"id"`
	Partition     int             `json:"partition"`
	Key           string          `json:"key,omitempty"`
	Payload       json.RawMessage `json:"payload,omitempty"`
	PayloadBase64 string          `json:"payload_base64,omitempty"`
	Headers       json.RawMessage `json:"headers,omitempty"`
	EventTime     *time.Time      `json:"event_time,omitempty"`
	ReceivedAt    *time.Time      `json:"received_at,omitempty"`
	Attempt       int             `json:"attempt,omitempty"`
}

func handOut(events []howdah.Event, raw bool) []event {
	out := make([]event, len(events))
	for i, e := range events {
		o := event{ID: e.ID, Partition: e.Partition, Key: e.Key, Headers: e.Headers, Attempt: e.Attempt}
		if raw {
			o.PayloadBase64 = base64.StdEncoding.EncodeToString(e.Payload)
		} else {
			o.Payload = e.Payload
		}
		if !e.EventTime.IsZero() {
			o.EventTime = &events[i].EventTime
		}
		if !e.ReceivedAt.IsZero() {
			o.ReceivedAt = &events[i].ReceivedAt
		}
		out[i] = o
	}
	return out
}

// parser reads the body of a publish request.
type parser struct {
	payloads bool   // the body holds payloads, not envelopes
	keyField string // of a payload that becomes the key
}

// parse takes one JSON value, an array of them, or one on each line. Whatever is wrong is said with its line or
// position, and then nothing is stored.
func (p parser) parse(body []byte, contentType string) ([]howdah.Event, error) {
	media, _, err := mime.ParseMediaType(contentType)
	lines := err == nil && (strings.HasSuffix(media, "ndjson") || strings.HasSuffix(media, "jsonl") || strings.HasSuffix(media, "json-seq"))
	if !lines && json.Valid(body) {
		return p.parseJSON(bytes.TrimSpace(body))
	}
	if !lines && (bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) || bytes.Count(bytes.TrimSpace(body), []byte("\n")) == 0) {
		return nil, invalid("the body is not valid JSON: "+jsonError(body), "Nothing was stored.")
	}
	return p.parseLines(body)
}

func (p parser) parseJSON(body []byte) ([]howdah.Event, error) {
	if body[0] != '[' {
		e, err := p.one(body)
		if err != nil {
			return nil, invalid(err.Error(), "Nothing was stored.")
		}
		return []howdah.Event{e}, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(body, &items); err != nil {
		return nil, invalid("the body is not valid JSON: "+err.Error(), "Nothing was stored.")
	}
	events := make([]howdah.Event, 0, len(items))
	for i, item := range items {
		e, err := p.one(item)
		if err != nil {
			return nil, invalid(fmt.Sprintf("event %d of %d: %v", i+1, len(items), err), "Nothing was stored.")
		}
		events = append(events, e)
	}
	return some(events)
}

func (p parser) parseLines(body []byte) ([]howdah.Event, error) {
	var events []howdah.Event
	for n := 1; len(body) > 0; n++ {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		body = rest
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		e, err := p.one(line)
		if err != nil {
			bad := invalid(fmt.Sprintf("line %d: %v", n, err), "Nothing was stored; mend the line and send all of it again.")
			bad.Line = n
			return nil, bad
		}
		events = append(events, e)
	}
	return some(events)
}

func some(events []howdah.Event) ([]howdah.Event, error) {
	if len(events) == 0 {
		return nil, invalid("the body holds no events", `Send {"payload": …}, an array of these, or one on each line.`)
	}
	return events, nil
}

func (p parser) one(item []byte) (e howdah.Event, err error) {
	if p.payloads {
		if !json.Valid(item) {
			return e, errors.New("not valid JSON: " + jsonError(item))
		}
		e.Payload = bytes.Clone(item)
		e.Key, err = p.key(item)
		return e, err
	}
	var in newEvent
	d := json.NewDecoder(bytes.NewReader(item))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		var wrong *json.UnmarshalTypeError
		switch {
		case errors.As(err, &wrong) && wrong.Field != "":
			return e, fmt.Errorf("%q is %s, not a string", wrong.Field, article(wrong.Value)) // all fields with a type of their own are strings
		case wrong != nil:
			return e, fmt.Errorf("it is %s; "+eventShape, article(wrong.Value))
		case strings.Contains(err.Error(), "unknown field"):
			return e, fmt.Errorf("%s: "+eventShape, strings.TrimPrefix(err.Error(), "json: "))
		}
		return e, errors.New("not valid JSON: " + err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return e, errors.New("more than one JSON value; put each on a line of its own")
	}
	switch {
	case in.Payload != nil && in.PayloadBase64 != nil:
		return e, errors.New("both payload and payload_base64; send one")
	case in.PayloadBase64 != nil:
		if e.Payload, err = base64.StdEncoding.DecodeString(*in.PayloadBase64); err != nil {
			return e, fmt.Errorf("payload_base64: %w", err)
		}
	case len(in.Payload) == 0:
		return e, errors.New("payload is missing; send a JSON value, such as null")
	default:
		e.Payload = in.Payload
	}
	if in.EventTime != nil {
		if e.EventTime, err = time.Parse(time.RFC3339Nano, *in.EventTime); err != nil {
			return e, fmt.Errorf("event_time is %q; write it with its zone, such as 2026-01-31T12:00:00Z or …-06:00", *in.EventTime)
		}
	}
	if h := bytes.TrimSpace(in.Headers); len(h) > 0 && !bytes.Equal(h, []byte("null")) {
		if h[0] != '{' {
			return e, errors.New("headers is not a JSON object")
		}
		e.Headers = in.Headers
	}
	e.Key = in.Key
	return e, nil
}

const eventShape = `an event is {"payload": …, "key": …, "event_time": …, "headers": …}; for bare payloads add ?payloads=true`

// article names a kind of JSON value as encoding/json does, "number 1.5" or "bool", in a sentence.
func article(kind string) string {
	switch kind, _, _ = strings.Cut(kind, " "); kind {
	case "array", "object":
		return "an " + kind
	case "bool":
		return "true or false"
	}
	return "a " + kind
}

func (p parser) key(payload []byte) (string, error) {
	if p.keyField == "" {
		return "", nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(payload, &fields); err != nil {
		return "", fmt.Errorf("key_field is %q, and the payload is not a JSON object", p.keyField)
	}
	v, ok := fields[p.keyField]
	if !ok || string(v) == "null" {
		return "", fmt.Errorf("the payload has no field %q for the key", p.keyField)
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s, nil
	}
	return string(v), nil
}

func jsonError(b []byte) string {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err.Error()
	}
	return "unknown"
}
