package howdah_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// open opens a database of its own with one topic and one consumer.
func open(t *testing.T, options ...howdah.ConsumerOption) (*howdah.DB, *howdah.Topic, *howdah.Consumer) {
	t.Helper()
	return openAt(t, testdb.New(t), options...)
}

// openAt is open for a database that others open too.
func openAt(t *testing.T, url string, options ...howdah.ConsumerOption) (*howdah.DB, *howdah.Topic, *howdah.Consumer) {
	t.Helper()
	db, err := howdah.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	topic, err := db.CreateTopic(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := db.CreateConsumer(t.Context(), "worker", "things", options...)
	if err != nil {
		t.Fatal(err)
	}
	return db, topic, consumer
}

func publish(t *testing.T, topic *howdah.Topic, n int) {
	t.Helper()
	events := make([]howdah.Event, n)
	for i := range events {
		events[i].Payload = fmt.Appendf(nil, `{"n": %d}`, i)
	}
	if _, err := topic.Publish(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

// awkward are texts that break careless escaping.
var awkward = []string{"", "plain", `back\slash`, `\`, `\\`, `\N`, `\.`, "tab\there", "new\nline", "return\r\nhere", `"quotes" and 'more'`, "ünï→漢🐘",
	"\u0001\u001f\u007f", "a,b;c", "%s %d", "$1", strings.Repeat("long ", 5000)}

// TestPublishRoundTrip: whatever is in keys, payloads and headers comes out as it went in, by INSERT, by COPY and in
// the caller's transaction.
func TestPublishRoundTrip(t *testing.T) {
	db, topic, consumer := open(t)
	when := time.Date(2026, 1, 31, 12, 0, 0, 123456000, time.FixedZone("Chicago", -6*3600))
	var events []howdah.Event
	for i, text := range awkward {
		value, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		e := howdah.Event{Key: text, Payload: append([]byte(" { \"a\" :\n\t"), append(value, '}')...)}
		if i%2 == 0 {
			e.Headers = json.RawMessage(`{"text": ` + string(value) + `}`)
			e.EventTime = when
		}
		events = append(events, e)
	}
	for name, publish := range map[string]func() (int64, error){
		"one by one": func() (id int64, err error) {
			for _, e := range events {
				if id, err = topic.Publish(t.Context(), e); err != nil {
					return id, fmt.Errorf("%q: %w", e.Key, err)
				}
			}
			return id, err
		},
		"together": func() (int64, error) { return topic.Publish(t.Context(), events...) },
		"transaction": func() (int64, error) {
			tx, err := db.Pool().Begin(t.Context())
			if err != nil {
				return 0, err
			}
			id, err := topic.PublishTx(t.Context(), tx, events...)
			if err != nil {
				return 0, err
			}
			return id, tx.Commit(t.Context())
		},
	} {
		last, err := publish()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		claim, err := consumer.Claim(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if claim == nil || len(claim.Events) != len(events) {
			t.Fatalf("%s: %+v, not %d events", name, claim, len(events))
		}
		for i, e := range claim.Events {
			sent := events[i]
			if e.Key != sent.Key || string(e.Payload) != string(sent.Payload) || e.Attempt != 1 {
				t.Errorf("%s: sent %q %q, got %q %q", name, sent.Key, sent.Payload, e.Key, e.Payload)
			}
			if !sent.EventTime.IsZero() && (!e.EventTime.Equal(sent.EventTime) || e.EventTime.Location() != time.UTC) {
				t.Errorf("%s: event time %v, not %v", name, e.EventTime, sent.EventTime)
			}
			if sent.EventTime.IsZero() && time.Since(e.EventTime).Abs() > time.Minute {
				t.Errorf("%s: event time %v", name, e.EventTime)
			}
			if (e.Headers == nil) != (sent.Headers == nil) {
				t.Errorf("%s: headers %s, not %s", name, e.Headers, sent.Headers)
			} else if e.Headers != nil {
				var h struct{ Text string }
				if err := json.Unmarshal(e.Headers, &h); err != nil || h.Text != sent.Key {
					t.Errorf("%s: headers %s, not %s", name, e.Headers, sent.Headers)
				}
			}
		}
		if id := claim.Events[len(events)-1].ID; id != last {
			t.Errorf("%s: the last id is %d, not %d", name, id, last)
		}
		if n, err := claim.Ack(t.Context()); err != nil || int(n) != len(events) {
			t.Errorf("%s: %d acked, %v", name, n, err)
		}
	}
}

func TestPublishBytes(t *testing.T) {
	db, _, _ := open(t)
	topic, err := db.CreateTopic(t.Context(), "raw", howdah.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := db.CreateConsumer(t.Context(), "raw", "raw")
	if err != nil {
		t.Fatal(err)
	}
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	sent := [][]byte{all, {}, {0}, []byte(`\N`), []byte("\\\n\t")}
	for _, payload := range sent {
		if _, err := topic.Publish(t.Context(), howdah.Event{Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	claim, err := consumer.Claim(t.Context(), 100)
	if err != nil || claim == nil || len(claim.Events) != len(sent) {
		t.Fatalf("%+v, %v", claim, err)
	}
	for i, e := range claim.Events {
		if string(e.Payload) != string(sent[i]) {
			t.Errorf("sent %x, got %x", sent[i], e.Payload)
		}
	}
}

// TestPublishAllOrNothing: one event that cannot be stored keeps the others out, and the error says what is wrong.
func TestPublishAllOrNothing(t *testing.T) {
	db, topic, consumer := open(t)
	good := howdah.Event{Payload: []byte(`1`)}
	for name, bad := range map[string]howdah.Event{
		"no payload":      {},
		"no JSON":         {Payload: []byte(`{"a":`)},
		"not UTF-8":       {Payload: []byte("\"\xff\"")},
		"a null byte":     {Payload: []byte("\"\x00\"")},
		"null in the key": {Payload: []byte(`1`), Key: "a\x00b"},
		"bad headers":     {Payload: []byte(`1`), Headers: json.RawMessage(`{`)},
		"list of headers": {Payload: []byte(`1`), Headers: json.RawMessage(`["a"]`)},
		"null in headers": {Payload: []byte(`1`), Headers: json.RawMessage(`{"a": "\u0000"}`)},
	} {
		for _, events := range [][]howdah.Event{{bad}, {good, bad, good}} {
			if _, err := topic.Publish(t.Context(), events...); err == nil {
				t.Errorf("%s: %d events are accepted", name, len(events))
			}
		}
	}
	if _, err := topic.Publish(t.Context()); err == nil {
		t.Error("publishing nothing is accepted")
	}
	if _, err := db.Topic("thing").Publish(t.Context(), good); !errors.Is(err, howdah.ErrNotFound) || !strings.Contains(err.Error(), "things") {
		t.Errorf("unknown topic: %v", err)
	}
	if claim, err := consumer.Claim(t.Context(), 10); claim != nil || err != nil {
		t.Errorf("something was published: %+v, %v", claim, err)
	}
}

func TestClaimOptions(t *testing.T) {
	db, topic, consumer := open(t)
	publish(t, topic, 10)
	var middle time.Time
	if err := db.Pool().QueryRow(t.Context(), "select max(received_at) + interval '1 microsecond' from events.things").Scan(&middle); err != nil {
		t.Fatal(err)
	}
	publish(t, topic, 10)
	claim := func(n int, options ...howdah.ClaimOption) *howdah.Claim {
		t.Helper()
		c, err := consumer.Claim(t.Context(), n, options...)
		if err != nil || c == nil {
			t.Fatalf("claim: %v, %v", c, err)
		}
		return c
	}
	is := func(c *howdah.Claim, first, last int64, attempt int) {
		t.Helper()
		if c.Events[0].ID != first || c.Events[len(c.Events)-1].ID != last || c.Events[0].Attempt != attempt {
			t.Errorf("claimed %d to %d, attempt %d; not %d to %d, attempt %d", c.Events[0].ID, c.Events[len(c.Events)-1].ID, c.Events[0].Attempt, first, last, attempt)
		}
	}
	is(claim(3, howdah.Between(middle, time.Time{})), 11, 13, 1)
	is(claim(3, howdah.NewestFirst()), 18, 20, 1)
	is(claim(3, howdah.Between(time.Time{}, middle), howdah.NewestFirst()), 8, 10, 1)
	c := claim(4, howdah.ClaimLease(time.Hour))
	is(c, 1, 4, 1)
	if left := time.Until(c.LeaseUntil); left < 50*time.Minute || left > 61*time.Minute {
		t.Errorf("the lease ends in %v", left)
	}
	if until, err := c.Extend(t.Context(), 2*time.Hour); err != nil || time.Until(until) < 110*time.Minute {
		t.Errorf("extended until %v, %v", until, err)
	}
	if n, err := c.Ack(t.Context(), 1, 2); n != 2 || err != nil {
		t.Errorf("%d acked, %v", n, err)
	}
	if n, err := c.Retry(t.Context(), "not yet", 0, 3); n != 1 || err != nil {
		t.Errorf("%d nacked, %v", n, err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.Ack(t.Context()); !errors.Is(err, howdah.ErrClaimLost) {
		t.Errorf("ack after release: %v", err)
	}
	for _, bad := range []func() error{
		func() error { _, err := consumer.Claim(t.Context(), 0); return err },
		func() error { _, err := consumer.Claim(t.Context(), 1, howdah.ClaimLease(-time.Second)); return err },
		func() error { _, err := consumer.Claim(t.Context(), 1, howdah.Between(middle, middle)); return err },
		func() error { return consumer.Seek(t.Context(), "2026-01-01 00:00") },
		func() error { return consumer.Replay(t.Context(), 2, 1) },
		func() error { _, err := consumer.Redrive(t.Context(), 1); return err },
	} {
		if err := bad(); !errors.Is(err, howdah.ErrInvalid) {
			t.Errorf("not ErrInvalid: %v", err)
		}
	}
	if _, err := db.CreateTopic(t.Context(), "things", howdah.Partitions(2)); !errors.Is(err, howdah.ErrExists) {
		t.Errorf("another topic of that name: %v", err)
	}
	if _, err := db.Consumer("wroker").Claim(t.Context(), 1); !errors.Is(err, howdah.ErrNotFound) || !strings.Contains(err.Error(), "worker") {
		t.Errorf("unknown consumer: %v", err)
	}
}

// TestPauseSeekReplay: what an operator does to a consumer.
func TestPauseSeekReplay(t *testing.T) {
	_, topic, consumer := open(t)
	publish(t, topic, 5)
	ctx := t.Context()
	count := func() (n int) {
		t.Helper()
		for {
			c, err := consumer.Claim(ctx, 2)
			if err != nil {
				t.Fatal(err)
			}
			if c == nil {
				return n
			}
			n += len(c.Events)
			if _, err := c.Ack(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
		want int
	}{
		{"pause", consumer.Pause, 0},
		{"resume", consumer.Resume, 5},
		{"seek earliest", func(ctx context.Context) error { return consumer.Seek(ctx, "earliest") }, 5},
		{"seek 4", func(ctx context.Context) error { return consumer.Seek(ctx, "4") }, 2},
		{"replay 2 to 4", func(ctx context.Context) error { return consumer.Replay(ctx, 2, 4) }, 3},
		{"seek latest", func(ctx context.Context) error { return consumer.Seek(ctx, "latest") }, 0},
	} {
		if err := step.do(ctx); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if n := count(); n != step.want {
			t.Errorf("%s: %d events, not %d", step.what, n, step.want)
		}
	}
}
