package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/howdah/howdah"
)

type topicView struct {
	Base
	Topic     TopicRow
	Consumers []ConsumerRow
	Flow      Chart
	Span      string
	Producers []howdah.Finding

	Search  searchForm
	Found   howdah.Found
	Asked   bool // a search, not just the newest
	Problem *pageError
	Older   string // the link that goes on
	Newest  string // the link back to the newest
	Twins   []Twin
	Bytes   bool
	Indexed string // the index that would find a key at any distance
}

// searchForm is the search as it was typed.
type searchForm struct{ ID, Key, Contains, Since, Before, Until string }

const eventsPage = 50

func (c *Console) topic(r *http.Request) (view, error) {
	name := r.PathValue("topic")
	v := &topicView{Base: c.base(r, name)}
	v.Section = "topics"
	if err := c.topicHead(r.Context(), v, name, r.URL.Query().Get("span")); err != nil {
		return nil, err
	}
	v.Bytes = v.Topic.Format == "bytes"
	if strings.HasPrefix(r.URL.Path, "/live/") {
		return v, nil // the events are not among what changes
	}
	q := r.URL.Query()
	v.Search = searchForm{q.Get("id"), q.Get("key"), strings.TrimSpace(q.Get("contains")), q.Get("since"), q.Get("before"), q.Get("until")}
	search, err := v.Search.parse()
	if err == nil {
		v.Found, err = c.DB.Topic(name).Find(r.Context(), search)
	}
	if err != nil {
		v.Problem = c.explain(err)
	}
	v.Asked = v.Search != searchForm{}
	if v.Found.Next != 0 {
		q.Set("until", strconv.FormatInt(v.Found.Next, 10))
		q.Del("id")
		v.Older = "?" + q.Encode() + "#events"
	}
	if v.Search.Until != "" {
		q.Del("until")
		v.Newest = "?" + q.Encode() + "#events"
	}
	if v.Search.Key != "" && len(v.Found.Events) < eventsPage && v.Found.Next != 0 && !v.Topic.Adopted {
		v.Indexed = fmt.Sprintf("create index concurrently on %s (key, id);", v.Topic.Source)
	}
	v.Twins = append(c.findTwins(r, name, v.Search), Twin{"follow live", "howdah tail " + name + " --follow"})
	return v, nil
}

// topicHead fills what the sampler knows; a topic made a moment ago it does not know yet.
func (c *Console) topicHead(ctx context.Context, v *topicView, name, spanName string) error {
	d := spanOf(spanName)
	v.Span = d.name
	s := c.sampler
	for _, again := range []bool{true, false} {
		s.mu.Lock()
		for _, t := range s.figures.Topics {
			if t.Topic == name {
				v.Topic = s.topicRow(t)
			}
		}
		if v.Topic.Topic != "" || !again {
			break
		}
		s.mu.Unlock()
		if _, err := c.DB.Topic(name).Info(ctx); err != nil {
			return err
		}
		s.look(ctx)
	}
	defer s.mu.Unlock()
	for _, k := range s.figures.Consumers {
		if k.Topic == name {
			v.Consumers = append(v.Consumers, s.consumerRow(k))
		}
	}
	for _, p := range s.problems {
		if p.Name == name {
			v.Producers = append(v.Producers, p)
		}
	}
	now := s.figures.At
	g := d.drawing("Events a second that producers append to "+name, now)
	g.kind, g.write, g.least = "rate", axisRate, 4
	if k := s.topics[name]; k != nil {
		v.Flow = g.draw(rateCurve("in", "c-in", []*series{k}, now.Add(-d.length), d.bucket, d.points))
	} else {
		v.Flow = g.draw()
	}
	return nil
}

func (f searchForm) parse() (s howdah.Search, err error) {
	s = howdah.Search{Key: f.Key, Limit: eventsPage}
	if f.Contains != "" {
		s.Contains = json.RawMessage(f.Contains)
	}
	if f.ID != "" {
		id, err := strconv.ParseInt(strings.TrimSpace(f.ID), 10, 64)
		if err != nil {
			return s, &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not an id.", f.ID), "Ids are whole numbers."}
		}
		s.Until = id
	}
	if f.Until != "" {
		id, err := strconv.ParseInt(f.Until, 10, 64)
		if err != nil {
			return s, &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not an id.", f.Until), "Ids are whole numbers."}
		}
		s.Until = id
	}
	if s.Since, err = parseTime(f.Since); err != nil {
		return s, err
	}
	s.Before, err = parseTime(f.Before)
	return s, err
}

// parseTime reads an instant. The form says that it asks for UTC, so a time without a zone is one there.
func parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	if d, err := time.ParseDuration(strings.TrimSuffix(text, " ago")); err == nil && d > 0 {
		return time.Now().UTC().Add(-d), nil
	}
	return time.Time{}, &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not a time.", text), "Write it in UTC like 2026-01-31 12:00, or how long ago, like 15m."}
}

type eventView struct {
	Base
	Topic    string
	ID       int64
	Event    howdah.Event
	Headers  bool
	Size     int
	Bytes    bool
	States   []howdah.EventState
	Consumer string
	Twins    []Twin
}

func (c *Console) event(r *http.Request) (view, error) {
	name := r.PathValue("topic")
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not an id.", r.PathValue("id")), "Ids are whole numbers."}
	}
	v := &eventView{Base: c.base(r, fmt.Sprintf("%s %d", name, id)), Topic: name, ID: id}
	v.Section = "topics"
	key := fmt.Sprintf("event %s %d", name, id)
	if v.Event, err = cached(&c.cache, key, func() (howdah.Event, error) { return c.DB.Topic(name).Event(r.Context(), id) }); err != nil {
		return nil, err
	}
	if v.States, err = cached(&c.cache, "states "+key, func() ([]howdah.EventState, error) { return c.DB.Topic(name).States(r.Context(), id) }); err != nil {
		return nil, err
	}
	v.Headers, v.Size = len(v.Event.Headers) > 0, len(v.Event.Payload)
	v.Twins = []Twin{
		{"command line", fmt.Sprintf("howdah event %s %d", name, id)},
		{"HTTP", c.get(r, fmt.Sprintf("/v1/topics/%s/events/%d", name, id))},
		{"SQL", fmt.Sprintf("select * from howdah.event_states('%s', %d);", name, id)},
	}
	return v, nil
}

// tail sends the rows of what is appended from now on, at most a page at a time.
func (c *Console) tail(w http.ResponseWriter, r *http.Request) {
	t := c.DB.Topic(r.PathValue("topic"))
	after, err := t.StableID(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	ctx, out, end := c.events(w, r)
	if out == nil {
		return
	}
	defer end()
	type batch struct {
		HTML    string `json:"html"`
		Skipped int    `json:"skipped"`
	}
	beat := time.Now()
	for {
		events, skipped := []howdah.Event{}, 0
		err := t.Tail(limitTo(ctx, heartbeat), after, func(some []howdah.Event) error {
			events = some
			return errEnough
		})
		if ctx.Err() != nil {
			return
		}
		if len(events) > 0 {
			after = events[len(events)-1].ID
			if skipped = len(events) - eventsPage; skipped > 0 {
				events = events[skipped:]
			}
			var html bytes.Buffer
			for i := len(events) - 1; i >= 0; i-- { // the newest on top
				if err := c.templates["topic"].ExecuteTemplate(&html, "event-row", map[string]any{"Topic": t.Name(), "Event": events[i], "New": true}); err != nil {
					c.Log.Error("render an event", "error", err)
					return
				}
			}
			if !out.send("events", batch{html.String(), max(skipped, 0)}) {
				return
			}
			beat = time.Now()
		} else if err != nil && time.Since(beat) > heartbeat && !out.comment("alive") {
			return
		}
		select { // so often at most, however many come
		case <-ctx.Done():
			return
		case <-time.After(400 * time.Millisecond):
		}
	}
}

var errEnough = fmt.Errorf("enough for now")

// limitTo ends a context after a while.
func limitTo(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// jump goes to what is named: a consumer, a topic, or topic/id.
func (c *Console) jump(w http.ResponseWriter, r *http.Request) {
	q := strings.TrimSpace(r.URL.Query().Get("q"))
	if topic, id, ok := strings.Cut(q, "/"); ok {
		http.Redirect(w, r, "/topics/"+url.PathEscape(strings.TrimSpace(topic))+"/events/"+url.PathEscape(strings.TrimSpace(id)), http.StatusSeeOther)
		return
	}
	c.sampler.mu.Lock()
	f := c.sampler.figures
	c.sampler.mu.Unlock()
	for _, k := range f.Consumers {
		if k.Consumer == q {
			http.Redirect(w, r, "/consumers/"+q, http.StatusSeeOther)
			return
		}
	}
	for _, t := range f.Topics {
		if t.Topic == q {
			http.Redirect(w, r, "/topics/"+q, http.StatusSeeOther)
			return
		}
	}
	c.fail(w, r, &pageError{http.StatusNotFound, fmt.Sprintf("There is no topic and no consumer called %q.", q), "For an event write topic/id, such as payments/42."})
}
