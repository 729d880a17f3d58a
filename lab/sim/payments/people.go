package payments

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/howdah/howdah/lab/sim/draw"
)

// customer is a person with a card. What does not change is fixed when the world is made; homes grow on demand.
type customer struct {
	number    int64
	id        string
	key       draw.Key
	segment   int
	level     float64 // logarithm of the median amount in cents, a multiple of one millionth
	rate      int64   // payments a day, in millionths
	signup    int64   // ms
	signupDay int     // -1 for all who signed up before the epoch

	mu       sync.Mutex
	homes    []*home // by time; extended up to nextMove
	nextMove int64

	arrival        sync.Once
	profileArrives int64
	late           bool // the profile of a newcomer comes after the first payment
}

// home is where a customer lives from a time on.
type home struct {
	from int64
	x, y int64
	once sync.Once
	near []int32 // the nearest shops, nearest first
}

// makePeople makes everyone who will ever sign up. Ids are handed out so that one more cohort renames nobody.
func (w *World) makePeople() {
	cfg := &w.cfg
	for n := range cfg.Customers.Count {
		c := w.newCustomer(int64(n + 1))
		back := c.key.For("signed up").Rand().Between(cfg.Customers.SignedUpDays[0]*dayMS, cfg.Customers.SignedUpDays[1]*dayMS)
		w.addCustomer(c, -back, -1)
	}
	number := int64(cfg.Customers.Count)
	for day := cfg.Newcomers.FromDay; day < cfg.Newcomers.UntilDay; day++ {
		for range cfg.Newcomers.PerDay {
			number++
			c := w.newCustomer(number)
			w.addCustomer(c, int64(day)*dayMS+c.key.For("signed up").Rand().Between(0, dayMS-1), day)
		}
	}
	for k, i := range w.cohorts {
		for n := range i.Count {
			c := w.newCustomer(1_000_000 + int64(k)*10_000 + int64(n))
			c.setSegment(w, slices.IndexFunc(cfg.Customers.Segments, func(s Segment) bool { return s.Name == i.Segment }))
			at := i.begin() + c.key.For("signed up").Rand().Between(0, dayMS-1)
			w.addCustomer(c, at, int(at/dayMS))
		}
	}
	slices.SortFunc(w.people, func(a, b *customer) int {
		return cmp.Or(cmp.Compare(a.signupDay, b.signupDay), cmp.Compare(a.number, b.number))
	})
	w.byID = make(map[string]*customer, len(w.people))
	for _, c := range w.people {
		w.byID[c.id] = c
	}
}

func (w *World) newCustomer(number int64) *customer {
	c := &customer{number: number, id: fmt.Sprintf("C%07d", number), key: w.root.For("customer").With(number)}
	c.rate = draw.Round(c.key.For("rate").Rand().Gamma(w.cfg.Customers.RateShape, w.cfg.Customers.RateMean) * 1e6)
	c.setSegment(w, w.segments.Pick(c.key.For("segment").Rand()))
	return c
}

func (c *customer) setSegment(w *World, segment int) {
	c.segment = segment
	own := float64(w.cfg.Customers.AmountSD * c.key.For("level").Rand().Norm())
	level := draw.Log(float64(w.cfg.Customers.Segments[segment].Median)) + own
	c.level = float64(draw.Round(level*1e6)) / 1e6
}

func (w *World) addCustomer(c *customer, signup int64, day int) {
	c.signup, c.signupDay = signup, day
	x, y := w.place(c.key.For("home").With(0))
	c.homes = []*home{{from: signup, x: x, y: y}}
	c.nextMove = w.moveAfter(c, max(day, -1), 1)
	w.people = append(w.people, c)
}

// moveAfter is the time of the n-th move, after the day of the one before.
func (w *World) moveAfter(c *customer, day, n int) int64 {
	if w.cfg.Customers.MoveProbability <= 0 {
		return 1 << 62
	}
	r := c.key.For("move").With(int64(n)).Rand()
	return (int64(day)+r.Geometric(w.cfg.Customers.MoveProbability))*dayMS + r.Between(0, dayMS-1)
}

// homeAt is where the customer lives at a time.
func (w *World) homeAt(c *customer, ms int64) *home {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.extendHomes(c, ms)
	n := sort.Search(len(c.homes), func(i int) bool { return c.homes[i].from > ms })
	return c.homes[max(n-1, 0)]
}

// movesIn returns the homes that begin in [from, until) by a move.
func (w *World) movesIn(c *customer, from, until int64) []*home {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.extendHomes(c, until)
	var moves []*home
	for _, h := range c.homes[1:] {
		if h.from >= from && h.from < until {
			moves = append(moves, h)
		}
	}
	return moves
}

func (w *World) extendHomes(c *customer, ms int64) {
	for c.nextMove <= ms {
		n := len(c.homes)
		x, y := w.place(c.key.For("home").With(int64(n)))
		c.homes = append(c.homes, &home{from: c.nextMove, x: x, y: y})
		c.nextMove = w.moveAfter(c, int(c.nextMove/dayMS), n+1)
	}
}

// place is a uniform point of the square, in metres.
func (w *World) place(k draw.Key) (x, y int64) {
	r := k.Rand()
	return r.Between(0, w.cfg.Customers.Square-1), r.Between(0, w.cfg.Customers.Square-1)
}

// nearest returns the shops around a home, nearest first; equal distances go by number.
func (w *World) nearest(h *home) []int32 {
	h.once.Do(func() {
		n := w.cfg.Payments.Near
		near, dist := make([]int32, 0, n+1), make([]int64, 0, n+1)
		for _, s := range w.shops {
			d := w.merchants[s].distance2(h.x, h.y)
			if len(near) == n && d >= dist[n-1] {
				continue
			}
			at := sort.Search(len(dist), func(i int) bool { return dist[i] > d })
			near, dist = slices.Insert(near, at, s), slices.Insert(dist, at, d)
			near, dist = near[:min(len(near), n)], dist[:min(len(dist), n)]
		}
		h.near = near
	})
	return h.near
}

// onTrip says whether the customer is away on a day.
func (w *World) onTrip(c *customer, day int) bool {
	k := c.key.For("trip")
	for ago := range int(w.cfg.Trips.Days[1]) {
		r := k.With(int64(day - ago)).Rand()
		if r.Chance(w.cfg.Trips.Probability) && int64(ago) < r.Between(w.cfg.Trips.Days[0], w.cfg.Trips.Days[1]) {
			return true
		}
	}
	return false
}
