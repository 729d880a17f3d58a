package httpapi

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/howdah/howdah"
)

const (
	groupEvents  = 20_000
	groupBytes   = 16 << 20
	groupTimeout = time.Minute
)

// A publisher writes requests that arrive together in one COPY. For each topic at most one COPY runs; what arrives
// meanwhile makes the next. An answer is given after the commit, so every answer still means durable. While nothing is
// published there is no goroutine.
type publisher struct {
	db      *howdah.DB
	metrics *metrics
	mu      sync.Mutex
	topics  map[string][]*submission // waiting; present while its writer runs
}

type submission struct {
	ctx    context.Context
	events []howdah.Event
	bytes  int
	done   chan outcome // buffered
}

type outcome struct {
	position int64
	err      error
}

func newPublisher(db *howdah.DB, m *metrics) *publisher {
	return &publisher{db: db, metrics: m, topics: map[string][]*submission{}}
}

// submit returns when the events are durable, with an id at or above theirs.
func (p *publisher) submit(ctx context.Context, topic string, events []howdah.Event) (int64, error) {
	s := &submission{ctx: ctx, events: events, done: make(chan outcome, 1)}
	for i := range events {
		s.bytes += len(events[i].Payload) + len(events[i].Key) + len(events[i].Headers) + 64
	}
	p.mu.Lock()
	waiting, running := p.topics[topic]
	p.topics[topic] = append(waiting, s)
	p.mu.Unlock()
	if !running {
		go p.write(topic)
	}
	select {
	case o := <-s.done:
		return o.position, o.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// write writes group after group until nothing waits.
func (p *publisher) write(topic string) {
	for {
		group := p.next(topic)
		if group == nil {
			return
		}
		p.store(topic, group)
	}
}

// next takes what waits, up to the limits of a group. A request that has been cancelled while it waited is left out.
func (p *publisher) next(topic string) []*submission {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		waiting := p.topics[topic]
		if len(waiting) == 0 {
			delete(p.topics, topic)
			return nil
		}
		var group []*submission
		events, bytes, n := 0, 0, 0
		for _, s := range waiting {
			if len(group) > 0 && (events+len(s.events) > groupEvents || bytes+s.bytes > groupBytes) {
				break
			}
			n++
			if s.ctx.Err() != nil {
				s.done <- outcome{err: s.ctx.Err()}
				continue
			}
			group = append(group, s)
			events += len(s.events)
			bytes += s.bytes
		}
		p.topics[topic] = waiting[n:]
		if len(group) > 0 {
			return group
		}
	}
}

// store writes a group. Where the database refuses it, nothing of it was stored, and its halves are tried, so that only
// the request that is wrong is refused. Where the database does not answer, the outcome is not known and nothing may be
// tried again.
func (p *publisher) store(topic string, group []*submission) {
	events := group[0].events
	if len(group) > 1 {
		var n int
		for _, s := range group {
			n += len(s.events)
		}
		events = make([]howdah.Event, 0, n)
		for _, s := range group {
			events = append(events, s.events...)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	position, err := p.db.Topic(topic).Publish(ctx, events...)
	cancel()
	if err != nil && len(group) > 1 && refused(err) {
		p.store(topic, group[:len(group)/2])
		p.store(topic, group[len(group)/2:])
		return
	}
	if err == nil {
		p.metrics.published(topic, len(events))
	}
	for _, s := range group {
		s.done <- outcome{position, err}
	}
}

// refused says whether an error is the database's answer that it stored nothing.
func refused(err error) bool {
	var e *howdah.Error
	return errors.Is(err, howdah.ErrInvalid) || errors.As(err, &e) && !howdah.IsTemporary(err)
}
