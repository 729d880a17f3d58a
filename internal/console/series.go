package console

import (
	"slices"
	"time"
)

// A point is what one look saw of a topic or a consumer.
type point struct {
	at         time.Time
	count      int64   // ids drawn, or events finished: a rate is its growth
	lag        int64   // of a consumer; of a minute, the greatest
	least      int64   // the smallest lag of a minute
	lagSeconds float64 // NaN: not known
	dead       int64   //
}

// series keeps points: all of the last minutes, and the worst of each minute for a day. It lives in the memory of the
// server: a restart begins anew.
type series struct {
	fine   []point
	coarse []point
}

const (
	fineLength   = 15 * time.Minute
	coarseLength = 24 * time.Hour
)

func (s *series) add(p point) {
	s.fine = append(s.fine, p)
	s.fine = s.fine[older(s.fine, p.at.Add(-fineLength)):]
	minute := p.at.Truncate(time.Minute)
	if n := len(s.coarse); n > 0 && s.coarse[n-1].at.Equal(minute) {
		last := &s.coarse[n-1]
		last.count = p.count
		last.lag, last.least = max(last.lag, p.lag), min(last.least, p.lag)
		last.lagSeconds = max(last.lagSeconds, p.lagSeconds)
		last.dead = max(last.dead, p.dead)
		return
	}
	p.at, p.least = minute, p.lag
	s.coarse = append(s.coarse, p)
	s.coarse = s.coarse[older(s.coarse, p.at.Add(-coarseLength)):]
}

// older is how many points lie before a time.
func older(points []point, t time.Time) int {
	i, _ := slices.BinarySearchFunc(points, t, func(p point, t time.Time) int { return p.at.Compare(t) })
	return i
}

// rate is how many events a second came over the last window, or over what there is of it.
func (s *series) rate(window time.Duration) float64 {
	n := len(s.fine)
	if n < 2 {
		return 0
	}
	last := s.fine[n-1]
	first := s.fine[min(max(older(s.fine, last.at.Add(-window))-1, 0), n-2)]
	if s.fine[n-2].at.Before(last.at.Add(-2 * window)) {
		first = s.fine[n-2] // after a long pause
	}
	return growth(first, last)
}

// growth between two points, in events a second; what goes back, as after a seek, is none.
func growth(a, b point) float64 {
	d := b.at.Sub(a.at).Seconds()
	if d <= 0 || b.count < a.count {
		return 0
	}
	return float64(b.count-a.count) / d
}

// since is from when on the lag has been above none without a break; zero: it is not. seen says that there was none just
// before; otherwise that is as far as the points go back.
func (s *series) since() (t time.Time, seen bool) {
	for i := len(s.fine) - 1; i >= 0; i-- {
		if s.fine[i].lag == 0 {
			return t, true
		}
		t = s.fine[i].at
	}
	for i := older(s.coarse, t.Truncate(time.Minute)) - 1; i >= 0; i-- {
		if s.coarse[i].least == 0 {
			return t, true
		}
		t = s.coarse[i].at
	}
	return t, false
}
