package console

import (
	"context"
	"net/http"
	"time"

	"github.com/howdah/howdah"
)

type problemsView struct {
	Base
	Findings []howdah.Finding
	Checked  bool // check ran just now
	Broken   []howdah.Problem
	Took     time.Duration
	Twins    []Twin
	Proof    []Twin
	Kinds    []kind
	Pooler   bool
}

// kind is something that is looked for, and how many of it were found.
type kind struct {
	Name, About string
	Found       int
}

// kinds are what howdah.problems looks for, in words.
var kinds = []kind{
	{"producers", "a transaction on a topic that is open for more than ten seconds", 0},
	{"consumers", "paused with events waiting, or events waiting for a minute and no worker", 0},
	{"dead letters", "events that a consumer has given up", 0},
	{"leases", "a lease that has passed, and no other worker has taken over", 0},
	{"sequences", "a sequence that went back behind a consumer", 0},
	{"segments", "events in the default partition, or a topic near its limit in bytes", 0},
	{"ids", "an adopted table near the end of its ids", 0},
	{"snapshots", "a transaction that keeps VACUUM from its work for more than an hour", 0},
	{"prepared transactions", "a two-phase commit that nobody finished", 0},
}

func (c *Console) problems(r *http.Request) (view, error) {
	v := c.problemsView(r)
	return v, nil
}

func (c *Console) problemsView(r *http.Request) *problemsView {
	v := &problemsView{Base: c.base(r, "Problems"), Pooler: c.DB.Pooler()}
	v.Section = "problems"
	c.sampler.mu.Lock()
	v.Findings = append(v.Findings, c.sampler.problems...)
	c.sampler.mu.Unlock()
	v.Kinds = append(v.Kinds, kinds...)
	for _, f := range v.Findings {
		for i := range v.Kinds {
			if v.Kinds[i].Name == f.Kind {
				v.Kinds[i].Found++
			}
		}
	}
	v.Twins = []Twin{{"command line", "howdah doctor"}, {"HTTP", c.get(r, "/v1/problems")}, {"SQL", "select * from howdah.problems();"}}
	v.Proof = []Twin{{"command line", "howdah check"}, {"HTTP", c.get(r, "/v1/check")}, {"SQL", "select * from howdah.check();"}}
	return v
}

// check proves the invariants of all consumers. It reads all of their state, so it runs when somebody asks.
func (c *Console) check(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Minute)
	defer cancel()
	began := time.Now()
	broken, err := c.DB.Check(ctx)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := c.problemsView(r)
	v.Checked, v.Broken, v.Took, v.Path = true, broken, time.Since(began).Round(time.Millisecond), "/problems"
	c.render(w, "problems", v)
}
