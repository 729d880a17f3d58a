package console

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/howdah/howdah"
)

type overviewView struct {
	Base
	In, Out   float64
	Lag       int64
	Oldest    float64
	OldestOf  string
	Dead      int64
	DeadMore  bool
	Findings  []howdah.Finding
	Consumers []ConsumerRow
	Topics    []TopicRow
	Flow      Chart
	Span      string
	Empty     bool
	Twins     []Twin // of the consumers
	Sources   []Twin // of the topics
}

func (c *Console) overview(r *http.Request) (view, error) {
	v := &overviewView{Base: c.base(r, "Overview")}
	v.Section = "overview"
	v.Twins = []Twin{{"command line", "howdah status"}, {"HTTP", c.get(r, "/v1/consumers")}, {"SQL", "select * from howdah.consumers;"}}
	v.Sources = []Twin{{"command line", "howdah topic list"}, {"HTTP", c.get(r, "/v1/topics")}, {"SQL", "select * from howdah.topics;"}}
	d := spanOf(r.URL.Query().Get("span"))
	v.Span = d.name
	s := c.sampler
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Findings = slices.Clone(s.problems)
	slices.SortStableFunc(v.Findings, func(a, b howdah.Finding) int { return cmp.Compare(a.Level, b.Level) }) // errors first
	var topics, consumers []*series
	for _, t := range s.figures.Topics {
		row := s.topicRow(t)
		v.In += row.In
		v.Topics = append(v.Topics, row)
		if k := s.topics[t.Topic]; k != nil {
			topics = append(topics, k)
		}
	}
	for _, k := range s.figures.Consumers {
		row := s.consumerRow(k)
		v.Out += row.Out
		v.Lag += k.Lag
		v.Dead += k.Dead
		v.DeadMore = v.DeadMore || k.Dead >= howdah.FiguresLimit
		if k.LagSeconds != nil && *k.LagSeconds > v.Oldest {
			v.Oldest, v.OldestOf = *k.LagSeconds, k.Consumer
		}
		v.Consumers = append(v.Consumers, row)
		if q := s.consumers[k.Consumer]; q != nil {
			consumers = append(consumers, q)
		}
	}
	// What needs a person comes first, then what is most behind.
	order := map[string]int{"stuck": 0, "paused": 1, "behind": 2, "ok": 3}
	slices.SortStableFunc(v.Consumers, func(a, b ConsumerRow) int {
		if n := cmp.Compare(order[a.State], order[b.State]); n != 0 {
			return n
		}
		return cmp.Compare(a.Consumer, b.Consumer)
	})
	v.Empty = len(v.Topics) == 0
	now := s.figures.At
	g := d.drawing("Events a second over time: what producers append, and what consumers finish", now)
	g.kind, g.write, g.least, g.empty = "rate", axisRate, 4, "The curve begins with the next looks."
	v.Flow = g.draw(
		rateCurve("in", "c-in", topics, now.Add(-d.length), d.bucket, d.points),
		rateCurve("finished", "c-out", consumers, now.Add(-d.length), d.bucket, d.points))
	return v, nil
}
