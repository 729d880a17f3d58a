package console

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/howdah/howdah"
)

type consumerView struct {
	Base
	Row                      ConsumerRow
	Topic                    TopicRow
	Lag                      Chart
	Age                      Chart
	Span                     string
	Findings                 []howdah.Finding
	Claims                   []howdah.OpenClaim
	Pending                  []howdah.PendingRange
	Dead                     []howdah.DeadLetter
	Reasons                  []reason
	Older                    string
	Newest                   string
	Before                   string
	Twins                    []Twin
	Now                      time.Time
	ClaimTwins, PendingTwins []Twin
	Oldest                   int64 // the oldest event that is not finished; 0: none
}

// digits are what makes errors of one kind differ.
var digits = regexp.MustCompile(`-?[0-9][0-9.]*`)

// reason is a kind of error and how often it is among the dead letters that are shown.
type reason struct {
	Error string
	Count int
}

const (
	claimsShown  = 100
	pendingShown = 20
	deadPage     = 50
)

func (c *Console) consumer(r *http.Request) (view, error) {
	name := r.PathValue("consumer")
	v := &consumerView{Base: c.base(r, name)}
	v.Section = "consumers"
	ctx, k := r.Context(), c.DB.Consumer(name)
	info, err := cached(&c.cache, "consumer "+name, func() (howdah.ConsumerInfo, error) { return c.consumerInfo(r, name) })
	if err != nil {
		return nil, err
	}
	if v.Claims, err = cached(&c.cache, "claims "+name, func() ([]howdah.OpenClaim, error) { return k.OpenClaims(ctx, claimsShown) }); err != nil {
		return nil, err
	}
	if v.Pending, err = cached(&c.cache, "pending "+name, func() ([]howdah.PendingRange, error) { return k.PendingRanges(ctx, pendingShown) }); err != nil {
		return nil, err
	}
	var before int64
	if v.Before = r.URL.Query().Get("before"); v.Before != "" {
		if before, err = strconv.ParseInt(v.Before, 10, 64); err != nil {
			return nil, &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not an id.", v.Before), "Ids are whole numbers."}
		}
	}
	v.Dead, err = cached(&c.cache, fmt.Sprintf("dead %s %d", name, before), func() ([]howdah.DeadLetter, error) {
		return k.LatestDeadLetters(ctx, before, deadPage)
	})
	if err != nil {
		return nil, err
	}
	c.deadPages(v, r)
	if v.Oldest, err = cached(&c.cache, "oldest "+name, func() (int64, error) { return c.oldestEvent(ctx, info, v.Claims, v.Pending) }); err != nil {
		return nil, err
	}

	d := spanOf(r.URL.Query().Get("span"))
	v.Span = d.name
	s := c.sampler
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Row = s.consumerRow(info)
	for _, t := range s.figures.Topics {
		if t.Topic == info.Topic {
			v.Topic = s.topicRow(t)
		}
	}
	for _, p := range s.problems {
		if p.Name == name || p.Kind == "producers" && p.Name == info.Topic {
			v.Findings = append(v.Findings, p)
		}
	}
	v.Now = s.figures.At
	history := s.consumers[name]
	if history == nil {
		history = &series{}
	}
	events, age := lagCurves(history, d, v.Now)
	g := d.drawing("Lag of "+name+" in events over time", v.Now)
	g.kind, g.write, g.least = "count", countText, 4
	v.Lag = g.draw(events)
	g = d.drawing("Age of the oldest unfinished event of "+name+" over time", v.Now)
	g.kind, g.write, g.least = "seconds", func(s float64) string { return strings.Replace(secondsText(s), ".0 s", " s", 1) }, 4
	if info.LagSeconds == nil {
		g.empty = "Events of this topic have no time of arrival, so their age is not known."
	}
	v.Age = g.draw(age)
	return v, nil
}

// consumerInfo takes the figures of the last look where they are young.
func (c *Console) consumerInfo(r *http.Request, name string) (howdah.ConsumerInfo, error) {
	for _, again := range []bool{true, false} {
		c.sampler.mu.Lock()
		for _, k := range c.sampler.figures.Consumers {
			if k.Consumer == name {
				c.sampler.mu.Unlock()
				return k, nil
			}
		}
		c.sampler.mu.Unlock()
		if again {
			if _, err := c.DB.Consumer(name).Topic(r.Context()); err != nil {
				return howdah.ConsumerInfo{}, err
			}
			c.sampler.look(r.Context())
		}
	}
	return c.DB.Consumer(name).Info(r.Context())
}

// oldestEvent is the event that a consumer's lag_seconds is about.
func (c *Console) oldestEvent(ctx context.Context, info howdah.ConsumerInfo, claims []howdah.OpenClaim, pending []howdah.PendingRange) (int64, error) {
	if info.Lag == 0 {
		return 0, nil
	}
	oldest := int64(math.MaxInt64)
	for _, k := range claims {
		oldest = min(oldest, k.FirstID)
	}
	for _, p := range pending {
		oldest = min(oldest, p.FirstID)
	}
	if oldest <= info.Head {
		return oldest, nil
	}
	found, err := c.DB.Topic(info.Topic).Find(ctx, howdah.Search{From: info.Head, OldestFirst: true, Limit: 1})
	if err != nil || len(found.Events) == 0 {
		return 0, err
	}
	return found.Events[0].ID, nil
}

// deadPages makes the links through the dead letters and counts their errors.
func (c *Console) deadPages(v *consumerView, r *http.Request) {
	if len(v.Dead) == deadPage {
		q := r.URL.Query()
		q.Set("before", strconv.FormatInt(v.Dead[deadPage-1].ID, 10))
		v.Older = "?" + q.Encode() + "#dead"
	}
	if v.Before != "" {
		q := r.URL.Query()
		q.Del("before")
		v.Newest = "?" + q.Encode() + "#dead"
	}
	for _, d := range v.Dead {
		kind := digits.ReplaceAllString(d.Error, "…")
		i := slices.IndexFunc(v.Reasons, func(r reason) bool { return r.Error == kind })
		if i < 0 {
			i = len(v.Reasons)
			v.Reasons = append(v.Reasons, reason{Error: kind})
		}
		v.Reasons[i].Count++
	}
	slices.SortStableFunc(v.Reasons, func(a, b reason) int { return b.Count - a.Count })
	v.Reasons = v.Reasons[:min(len(v.Reasons), 5)]
	name := r.PathValue("consumer")
	v.ClaimTwins = []Twin{{"command line", "howdah consumer claims " + name}, {"HTTP", c.get(r, "/v1/consumers/"+name+"/claims")},
		{"SQL", "select * from howdah.open_claims where consumer = " + literal(name) + ";"}}
	v.PendingTwins = []Twin{{"command line", "howdah consumer pending " + name}, {"HTTP", c.get(r, "/v1/consumers/"+name+"/pending")},
		{"SQL", fmt.Sprintf("select * from howdah.pending_page(%s, %d);", literal(name), pendingShown)}}
	v.Twins = []Twin{
		{"command line", "howdah consumer dead " + name},
		{"HTTP", c.get(r, "/v1/consumers/"+name+"/dead-letters")},
		{"SQL", "select * from howdah.dead_page(" + literal(name) + ", newest_first => true);"},
	}
}

// ids reads the ids of a form: of fields called id, and of one text with several.
func ids(values []string) ([]int64, error) {
	var all []int64
	for _, v := range values {
		for _, f := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
			id, err := strconv.ParseInt(f, 10, 64)
			if err != nil {
				return nil, &pageError{http.StatusBadRequest, fmt.Sprintf("%q is not an id.", f), "Ids are whole numbers."}
			}
			all = append(all, id)
		}
	}
	return all, nil
}
