package console

import (
	"fmt"
	"math"
	"time"

	"github.com/howdah/howdah"
)

// Over how long rates are measured.
const rateWindow = 10 * time.Second

// ConsumerRow is a consumer with what its curve tells.
type ConsumerRow struct {
	howdah.ConsumerInfo
	Out     float64 // events finished a second
	In      float64 // of its topic
	Spark   string
	State   string // chip: ok, busy, behind, stuck, paused
	Word    string
	Cause   string    // why it is behind, in words
	Since   time.Time // behind since then without a break
	Watched bool      // it was not behind before; otherwise the page does not know
}

// TopicRow is a topic with its rate.
type TopicRow struct {
	howdah.TopicInfo
	In    float64
	Spark string
}

// consumerRow is called with the sampler locked.
func (s *sampler) consumerRow(c howdah.ConsumerInfo) ConsumerRow {
	row := ConsumerRow{ConsumerInfo: c}
	if k := s.consumers[c.Consumer]; k != nil {
		row.Out = k.rate(rateWindow)
		row.Since, row.Watched = k.since()
		if c.LagSeconds != nil && !row.Since.IsZero() { // an event waits since then at least
			if oldest := s.figures.At.Add(-time.Duration(*c.LagSeconds * float64(time.Second))); oldest.Before(row.Since) {
				row.Since = oldest
			}
		}
		row.Spark = spark(k.fine, s.figures.At, func(p point) float64 { return float64(p.lag) })
	}
	if t := s.topics[c.Topic]; t != nil {
		row.In = t.rate(rateWindow)
	}
	row.judge(s.problems, s.figures.At)
	return row
}

// behind is the age of the oldest unfinished event. Where events have no time of arrival, it is how long the page has seen
// events wait, or how long what waits takes at this pace, whichever is less; where it knows neither, for ever.
func (r *ConsumerRow) behind(now time.Time) float64 {
	if r.LagSeconds != nil {
		return *r.LagSeconds
	}
	seconds := math.Inf(1)
	if r.Watched && !r.Since.IsZero() {
		seconds = now.Sub(r.Since).Seconds()
	}
	if r.Out > 0 {
		seconds = min(seconds, float64(r.Lag)/r.Out)
	}
	return seconds
}

// judge says in one word and one sentence how a consumer is. Whether it has workers is a finding's business.
func (r *ConsumerRow) judge(problems []howdah.Finding, now time.Time) {
	seconds, idle := r.behind(now), false
	for _, p := range problems {
		if p.Kind == "producers" && p.Name == r.Topic && r.Waiting > 0 {
			r.State, r.Word = "stuck", "held back"
			r.Cause = "A transaction on its topic is open, and everything behind it waits."
			return
		}
		if p.Name == r.Consumer && (p.Kind == "leases" || p.Kind == "sequences") {
			r.State, r.Word = "stuck", "stuck" // the finding says why
			return
		}
		if p.Name == r.Consumer && p.Kind == "consumers" {
			idle = r.InFlight == 0 && r.Out == 0 // still
		}
	}
	switch {
	case r.Paused && r.Lag > 0:
		r.State, r.Word, r.Cause = "paused", "paused", "It is paused, and hands out nothing until it is resumed."
	case r.Paused:
		r.State, r.Word = "paused", "paused"
	case r.Lag == 0:
		r.State, r.Word = "ok", "up to date"
	case idle && r.Pending > 0 && r.Waiting == 0:
		r.State, r.Word, r.Cause = "stuck", "retrying", "What is left waits to be delivered again after a failure, and no worker has it now."
	case idle:
		r.State, r.Word, r.Cause = "stuck", "no worker", "Events wait and no claim is open: no worker runs."
	case seconds < 5:
		r.State, r.Word = "ok", "keeping up"
	case r.Out > r.In*1.02+0.05:
		left := float64(r.Lag) / (r.Out - r.In)
		r.State, r.Word, r.Cause = "behind", "catching up", fmt.Sprintf("At this pace it has caught up in about %s.", secondsText(left))
	case r.Out > 0:
		r.State, r.Word, r.Cause = "behind", "falling behind", fmt.Sprintf("%s events a second come in, %s are finished: more workers or larger batches.", rateText(r.In), rateText(r.Out))
	case r.InFlight > 0:
		r.State, r.Word, r.Cause = "behind", "working", "Workers hold claims and have finished nothing for a while: see how old the claims are."
	default:
		r.State, r.Word, r.Cause = "behind", "behind", "Events wait and nothing is being finished."
	}
}

// topicRow is called with the sampler locked.
func (s *sampler) topicRow(t howdah.TopicInfo) TopicRow {
	row := TopicRow{TopicInfo: t}
	if k := s.topics[t.Topic]; k != nil {
		row.In = k.rate(rateWindow)
		row.Spark = spark(rates(k.fine, 40), s.figures.At, func(p point) float64 { return float64(p.count) })
	}
	return row
}

// rates turns counts into points whose count is thousandths of events a second between n stretches of time.
func rates(points []point, n int) []point {
	if len(points) < 3 {
		return nil
	}
	var out []point
	step := max(points[len(points)-1].at.Sub(points[0].at)/time.Duration(n), 2*time.Second)
	last := points[0]
	for _, p := range points[1:] {
		if p.at.Sub(last.at) >= step {
			out = append(out, point{at: p.at, count: int64(1000 * growth(last, p))})
			last = p
		}
	}
	return out
}

// rateCurve is the rate of several series together.
func rateCurve(name, class string, all []*series, from time.Time, bucket time.Duration, points func(*series) []point) curve {
	sums := map[time.Time]float64{}
	var first, last time.Time
	for _, s := range all {
		p := points(s)
		p = p[older(p, from):]
		var open point
		for i, q := range p {
			if i == 0 {
				open = q
				continue
			}
			if q.at.Sub(open.at) < bucket && i < len(p)-1 {
				continue
			}
			// The growth between two looks belongs to every bucket that lies between them.
			r := growth(open, q)
			for t := open.at.Truncate(bucket).Add(bucket); !t.After(q.at); t = t.Add(bucket) {
				sums[t] += r
				if first.IsZero() || t.Before(first) {
					first = t
				}
				if t.After(last) {
					last = t
				}
			}
			open = q
		}
	}
	k := curve{name: name, class: class, filled: true}
	if first.IsZero() {
		return k
	}
	for t := first; !t.After(last); t = t.Add(bucket) {
		k.at, k.value = append(k.at, t), append(k.value, sums[t])
	}
	return k
}

// span chooses between the last minutes and the last day.
type span struct {
	name   string
	length time.Duration
	bucket time.Duration
	points func(*series) []point
}

func spanOf(name string) span {
	if name == "day" {
		return span{"day", coarseLength, 5 * time.Minute, func(s *series) []point { return s.coarse }}
	}
	return span{"now", 10 * time.Minute, 4 * time.Second, func(s *series) []point { return s.fine }}
}

func (d span) drawing(label string, now time.Time) drawing {
	return drawing{label: label, from: now.Add(-d.length), to: now, gap: 6 * max(d.bucket, unwatched), epoch: now.Truncate(24 * time.Hour)}
}

// lagCurves are a consumer's lag in events and in seconds.
func lagCurves(s *series, d span, now time.Time) (events, age curve) {
	points := d.points(s)
	points = thin(points[older(points, now.Add(-d.length)):], 240)
	events = curve{name: "lag", class: "c-lag", filled: true}
	age = curve{name: "oldest unfinished event", class: "c-age", filled: true}
	for _, p := range points {
		events.at, events.value = append(events.at, p.at), append(events.value, float64(p.lag))
		age.at, age.value = append(age.at, p.at), append(age.value, p.lagSeconds)
	}
	return events, age
}

func countText(v float64) string {
	switch {
	case v >= 1e6:
		return trimZero(v/1e6) + "M"
	case v >= 1e4:
		return trimZero(v/1e3) + "k"
	}
	return number(int64(math.Round(v)))
}

func trimZero(v float64) string {
	s := fmt.Sprintf("%.1f", v)
	if s[len(s)-2:] == ".0" {
		return s[:len(s)-2]
	}
	return s
}

func axisRate(v float64) string {
	if v > 0 && v < 10 && v != math.Trunc(v) {
		return fmt.Sprintf("%.1f", v)
	}
	return countText(v)
}
