package console

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/howdah/howdah"
)

// sampler looks at the database for all pages together. How often it looks depends on what a look costs, so that open
// pages take less than a hundredth of a core, whatever the number of consumers; without open pages it looks now and then,
// for the curves.
type sampler struct {
	db  *howdah.DB
	log *slog.Logger

	one sync.Mutex // held during a look

	mu        sync.Mutex
	figures   howdah.Figures
	problems  []howdah.Finding
	checked   time.Time     // when problems were looked for
	checking  time.Duration // what that cost, at its cheapest of late
	looked    time.Time     // when
	err       error         // of the last look
	version   int           // of the figures
	changed   chan struct{}
	wanted    chan struct{}
	viewers   int
	topics    map[string]*series
	consumers map[string]*series
}

const (
	watched    = time.Second           // between looks while a page is open
	unwatched  = 10 * time.Second      // while none is
	firstCheck = 10 * time.Millisecond // what looking for problems is taken to cost at first: it meets new connections
	share      = 200                   // a look is followed by a pause of so many times its length
)

func newSampler(db *howdah.DB, log *slog.Logger) *sampler {
	return &sampler{db: db, log: log, changed: make(chan struct{}), wanted: make(chan struct{}, 1),
		topics: map[string]*series{}, consumers: map[string]*series{}}
}

// Run looks until ctx ends.
func (c *Console) Run(ctx context.Context) { c.sampler.run(ctx) }

func (s *sampler) run(ctx context.Context) {
	var costs []time.Duration
	for {
		// The least of the last looks is what it costs: others met a new connection or a busy machine.
		costs = append(costs, s.look(ctx))
		costs = costs[max(len(costs)-5, 0):]
		took := slices.Min(costs)
		if len(costs) < 3 {
			took = min(took, watched/share)
		}
		pause := unwatched
		s.mu.Lock()
		if s.viewers > 0 {
			pause = watched
		}
		s.mu.Unlock()
		pause = max(pause, share*took)
		soonest := max(watched, share*took)
		least := time.NewTimer(soonest)
		select {
		case <-ctx.Done():
			return
		case <-least.C:
		}
		rest := time.NewTimer(pause - soonest)
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		case <-s.wanted: // a page was opened
			rest.Stop()
		}
	}
}

// look takes one sample, and now and then looks for problems: at half the price of the samples. It returns what the sample cost.
func (s *sampler) look(ctx context.Context) time.Duration {
	s.one.Lock()
	defer s.one.Unlock()
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	figures, err := s.db.Figures(limited)
	var problems []howdah.Finding
	asked, checking := false, time.Duration(0)
	s.mu.Lock()
	due := time.Since(s.checked) > max(4*time.Second, 2*share*s.checking)
	s.mu.Unlock()
	if err == nil && due {
		asked = true
		began := time.Now()
		problems, err = s.db.Problems(limited)
		checking = time.Since(began)
	}
	if ctx.Err() != nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if (err != nil) != (s.err != nil) {
		if err != nil {
			s.log.Warn("the page cannot look at the database; trying on", "error", err)
		} else {
			s.log.Info("the page sees the database again")
		}
	}
	s.err, s.looked = err, time.Now()
	if err == nil {
		s.figures = figures
		if asked {
			s.problems, s.checked = problems, time.Now()
			if s.checking = min(checking, s.checking+s.checking/4); s.checking == 0 {
				s.checking = min(checking, firstCheck)
			}
		}
		s.remember(figures)
	}
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
	return figures.Took
}

// remember adds the figures to the curves and forgets those of what is gone.
func (s *sampler) remember(f howdah.Figures) {
	drawn := map[string]int64{}
	topics, consumers := map[string]*series{}, map[string]*series{}
	for _, t := range f.Topics {
		drawn[t.Topic] = t.LastID
		topics[t.Topic] = keep(s.topics, t.Topic)
		topics[t.Topic].add(point{at: f.At, count: t.LastID})
	}
	for _, c := range f.Consumers {
		p := point{at: f.At, count: drawn[c.Topic] - c.Lag - c.Dead, lag: c.Lag, dead: c.Dead, lagSeconds: math.NaN()}
		if c.LagSeconds != nil {
			p.lagSeconds = *c.LagSeconds
		}
		consumers[c.Consumer] = keep(s.consumers, c.Consumer)
		consumers[c.Consumer].add(p)
	}
	s.topics, s.consumers = topics, consumers
}

func keep(all map[string]*series, name string) *series {
	if s := all[name]; s != nil {
		return s
	}
	return &series{}
}

// open counts a page that is open; the function that it returns counts it no more.
func (s *sampler) open() func() {
	s.mu.Lock()
	s.viewers++
	s.mu.Unlock()
	select {
	case s.wanted <- struct{}{}:
	default:
	}
	return func() {
		s.mu.Lock()
		s.viewers--
		s.mu.Unlock()
	}
}

// wait returns when there is a newer look than version, or ctx ends.
func (s *sampler) wait(ctx context.Context, version int) int {
	for {
		s.mu.Lock()
		now, changed := s.version, s.changed
		s.mu.Unlock()
		if now > version {
			return now
		}
		select {
		case <-ctx.Done():
			return now
		case <-changed:
		}
	}
}

// again looks at once, problems included, after an action.
func (s *sampler) again(ctx context.Context) {
	s.mu.Lock()
	s.checked = time.Time{}
	s.mu.Unlock()
	s.look(ctx)
}

// fresh looks at once where the last look is long ago: nobody had a page open.
func (s *sampler) fresh(ctx context.Context) {
	s.mu.Lock()
	stale := time.Since(s.looked) > max(2*watched, share*s.figures.Took)
	s.mu.Unlock()
	if stale {
		s.look(ctx)
	}
}
