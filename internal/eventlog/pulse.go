package eventlog

import (
	"context"
	"time"
)

const (
	pulseEvery = 2 * time.Millisecond // while the stable id grows
	pulseSlow  = time.Second          // at most, while a producer holds it
	soon       = 6 * time.Millisecond // how long Next waits
)

// A pulse follows the stable id of one topic for all workers of this process that wait for it to grow, so that many
// consumers ask no more often than one.
type pulse struct {
	waiting int
	running bool
	stable  int64         // what was seen last
	marked  bool          // and whether a producer was open then
	since   time.Time     // since when stable has been the same
	beat    chan struct{} // closed at each look
}

// Next waits a moment, after a claim that took all there was up to drainedTo, for the next events: where they come often,
// that is cheaper than to claim in vain and go to sleep.
func (w *Waker) Next(ctx context.Context, topic int, drainedTo int64, kicked <-chan struct{}) error {
	return w.follow(ctx, topic, drainedTo, false, soon, kicked)
}

// follow waits until the topic's stable id is above seen or, where quiet says so, no producer is open; at most for limit.
func (w *Waker) follow(ctx context.Context, topic int, seen int64, quiet bool, limit time.Duration, kicked <-chan struct{}) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	w.mu.Lock()
	p := &w.topic(topic).pulse
	p.waiting++
	if !p.running {
		*p = pulse{waiting: p.waiting, running: true, since: time.Now(), beat: make(chan struct{})}
		w.beats.Go(func() { w.beat(topic, p) })
	}
	beat, done := p.beat, p.stable > seen
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		p.waiting--
		w.mu.Unlock()
	}()
	for !done {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-kicked:
			return nil
		case <-timer.C:
			return nil
		case <-beat:
		}
		w.mu.Lock()
		done = p.stable > seen || quiet && !p.marked || !p.running
		beat = p.beat
		w.mu.Unlock()
	}
	return nil
}

// beat looks at the topic as long as somebody waits: often while the stable id grows, the less often the longer a
// producer holds it.
func (w *Waker) beat(topic int, p *pulse) {
	for {
		var stable int64
		var marked bool
		err := w.pool.QueryRow(w.life, "select stable, marked from howdah.pulse($1)", topic).Scan(&stable, &marked)
		now := time.Now()
		w.mu.Lock()
		if stable > p.stable {
			p.since = now
		}
		p.stable, p.marked = stable, marked
		p.running = err == nil && p.waiting > 0
		running := p.running
		pause := max(pulseEvery, min(now.Sub(p.since)/20, pulseSlow))
		close(p.beat)
		p.beat = make(chan struct{})
		w.mu.Unlock()
		if !running || sleep(w.life, pause, nil, nil) != nil {
			return
		}
	}
}
