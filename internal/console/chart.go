package console

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Chart is a drawing of curves over time. The curves are one SVG that stretches with the page; what is to be read (axes,
// marks, legend) is HTML over it, so that letters keep their size on every screen.
type Chart struct {
	Label string // what it shows, for those who do not see it
	Ys    []string
	Xs    []Tick
	Grid  []string // heights of the lines across
	Lines []Line
	Marks []Mark
	Brief bool   // the marks are listed at another chart beside it
	Empty string // said instead of curves
	Data  string // the values, for the pointer
	Since string // from when on there are values, where that is within the axis
	Kind  string // how values are written: rate, count, seconds, or plain
}

// Tick is a label under the chart.
type Tick struct {
	At   int // percent
	Text string
}

// Mark is an event on the time axis.
type Mark struct {
	At     int
	Number int
	Text   string
}

// Line is a curve. Class chooses its colour.
type Line struct {
	Name, Class string
	Path, Area  string
	Last        string
	Dots        bool
}

// curve is a line before it is drawn: values at times, in order; NaN where there is none. low and high bound an interval
// around it, where it has one.
type curve struct {
	name, class string
	at          []time.Time
	value       []float64
	low, high   []float64
	filled      bool
	dots        bool
}

// drawing says how curves become a chart.
type drawing struct {
	label    string
	from, to time.Time
	kind     string
	write    func(float64) string
	least    float64 // the axis reaches at least so high
	bottom   float64 // of the axis, where it is not 0
	step     float64 // of the axis, where the usual one will not do
	gap      time.Duration
	marks    []Mark
	brief    bool
	empty    string
	day      func(time.Time) string // writes the days of an axis that is longer than two
	epoch    time.Time              // from which whole days are counted
}

const (
	chartWidth  = 1000.0
	chartHeight = 100.0
)

func (d drawing) draw(curves ...curve) Chart {
	c := Chart{Label: d.label, Kind: d.kind, Marks: d.marks, Brief: d.brief}
	top, n := d.least, 0
	for _, k := range curves {
		for i, v := range k.value {
			if !math.IsNaN(v) {
				top = max(top, v)
				n++
			}
			if k.high != nil && !math.IsNaN(k.high[i]) {
				top = max(top, k.high[i])
			}
		}
	}
	if n < 2 {
		c.Empty = d.empty
		if c.Empty == "" {
			c.Empty = "The curve begins with the next looks."
		}
	}
	c.Since = d.since(curves)
	step, steps := niceSteps(top - d.bottom)
	if d.kind == "seconds" {
		step, steps = timeSteps(top)
	}
	if d.step > 0 {
		step, steps = d.step, int(math.Ceil((top-d.bottom)/d.step-1e-9))
	}
	top = d.bottom + step*float64(steps)
	for i := steps; i >= 0; i-- {
		c.Ys = append(c.Ys, d.write(d.bottom+step*float64(i)))
		c.Grid = append(c.Grid, coordinate(chartHeight*float64(steps-i)/float64(steps)))
	}
	c.Xs = d.ticks()
	x := func(t time.Time) float64 {
		return chartWidth * float64(t.Sub(d.from)) / float64(max(d.to.Sub(d.from), 1))
	}
	y := func(v float64) float64 {
		return chartHeight * (1 - (min(max(v, d.bottom), top)-d.bottom)/(top-d.bottom))
	}
	data := map[string]any{}
	var series []map[string]any
	for _, k := range curves {
		line := Line{Name: k.name, Class: k.class, Dots: k.dots}
		line.Path, line.Area = outline(k, x, y, d.gap)
		if !k.filled && k.low == nil {
			line.Area = ""
		}
		values := make([]any, len(k.value))
		times := make([]int64, len(k.value))
		for i, v := range k.value {
			times[i] = k.at[i].Unix()
			if !math.IsNaN(v) {
				values[i] = math.Round(v*1000) / 1000
				line.Last = d.write(v)
			}
		}
		series = append(series, map[string]any{"n": k.name, "c": k.class, "t": times, "v": values})
		c.Lines = append(c.Lines, line)
	}
	data["from"], data["to"], data["s"], data["kind"] = d.from.Unix(), d.to.Unix(), series, d.kind
	if d.day != nil {
		data["epoch"] = d.epoch.Unix()
	}
	b, _ := json.Marshal(data)
	c.Data = string(b)
	return c
}

// since is when the page began to watch, where the axis begins before.
func (d drawing) since(curves []curve) string {
	first := d.to
	for _, k := range curves {
		if len(k.at) > 0 && k.at[0].Before(first) {
			first = k.at[0]
		}
	}
	if d.day != nil || first.Equal(d.to) || first.Sub(d.from) < d.to.Sub(d.from)/20 {
		return ""
	}
	return first.UTC().Format("15:04")
}

// outline draws a curve, and the area under it or its interval; where points lie further apart than gap, it breaks.
func outline(k curve, x func(time.Time) float64, y func(float64) float64, gap time.Duration) (line, area string) {
	var l, a strings.Builder
	begin := -1
	end := func(i int) {
		if begin < 0 {
			return
		}
		if k.low != nil {
			for j := begin; j < i; j++ {
				fmt.Fprintf(&a, "%s%s %s", letter(j == begin), coordinate(x(k.at[j])), coordinate(y(k.high[j])))
			}
			for j := i - 1; j >= begin; j-- {
				fmt.Fprintf(&a, "L%s %s", coordinate(x(k.at[j])), coordinate(y(k.low[j])))
			}
			a.WriteByte('Z')
		} else {
			for j := begin; j < i; j++ {
				fmt.Fprintf(&a, "%s%s %s", letter(j == begin), coordinate(x(k.at[j])), coordinate(y(k.value[j])))
			}
			fmt.Fprintf(&a, "L%s 100L%s 100Z", coordinate(x(k.at[i-1])), coordinate(x(k.at[begin])))
		}
		begin = -1
	}
	for i, v := range k.value {
		if math.IsNaN(v) || k.low != nil && (math.IsNaN(k.low[i]) || math.IsNaN(k.high[i])) {
			end(i)
			continue
		}
		if begin >= 0 && gap > 0 && k.at[i].Sub(k.at[i-1]) > gap {
			end(i)
		}
		if begin < 0 {
			begin = i
		}
		fmt.Fprintf(&l, "%s%s %s", letter(begin == i), coordinate(x(k.at[i])), coordinate(y(v)))
	}
	end(len(k.value))
	return l.String(), a.String()
}

func letter(first bool) string {
	if first {
		return "M"
	}
	return "L"
}

func coordinate(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

// niceSteps divides an axis in 2 to 5 steps of 1, 2, 2.5 or 5 times a power of ten.
func niceSteps(span float64) (step float64, steps int) {
	if span <= 0 || math.IsNaN(span) || math.IsInf(span, 0) {
		span = 1
	}
	power := math.Pow(10, math.Floor(math.Log10(span))-1)
	for ; ; power *= 10 {
		for _, m := range []float64{1, 2, 2.5, 5} {
			step = m * power
			if steps = int(math.Ceil(span/step - 1e-9)); steps <= 4 {
				return step, max(steps, 1)
			}
		}
	}
}

// timeSteps divides an axis of seconds in at most 5 steps that a clock knows.
func timeSteps(span float64) (step float64, steps int) {
	for _, step = range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 6 * 3600, 12 * 3600, 86400} {
		if steps = int(math.Ceil(span/step - 1e-9)); steps <= 5 {
			return step, max(steps, 1)
		}
	}
	step, _ = niceSteps(span / 86400)
	step = math.Ceil(step) * 86400
	return step, int(math.Ceil(span/step - 1e-9))
}

// ticks are at most seven whole minutes, hours or days of the axis.
func (d drawing) ticks() (ticks []Tick) {
	span := d.to.Sub(d.from)
	if span <= 0 {
		return nil
	}
	const day = 24 * time.Hour
	steps := []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour}
	write := func(t time.Time) string { return t.UTC().Format("15:04") }
	if d.day != nil {
		steps, write = []time.Duration{day, 2 * day, 5 * day, 10 * day, 20 * day, 50 * day, 100 * day}, d.day
	}
	step := steps[0]
	for _, step = range steps {
		if span/step <= 6 {
			break
		}
	}
	for span/step > 6 {
		step *= 2
	}
	for t := d.epoch.Add(d.from.Sub(d.epoch).Truncate(step)); !t.After(d.to); t = t.Add(step) {
		at := int(math.Round(100 * float64(t.Sub(d.from)) / float64(span)))
		if at >= 3 && at <= 97 {
			ticks = append(ticks, Tick{at, write(t)})
		}
	}
	return ticks
}

// thin reduces points to at most n by taking the worst of each stretch.
func thin(points []point, n int) []point {
	if len(points) <= n {
		return points
	}
	out := make([]point, 0, n)
	for i := range n {
		part := points[i*len(points)/n : (i+1)*len(points)/n]
		p := part[len(part)-1]
		for _, q := range part {
			p.lag, p.lagSeconds, p.dead = max(p.lag, q.lag), max(p.lagSeconds, q.lagSeconds), max(p.dead, q.dead)
		}
		out = append(out, p)
	}
	return out
}

// sparkLength is what a small curve spans.
const sparkLength = 10 * time.Minute

// spark is a small curve without axes: the lag of the last minutes.
func spark(points []point, now time.Time, value func(point) float64) string {
	from := now.Add(-sparkLength)
	points = thin(points[older(points, from):], 60)
	if len(points) < 2 {
		return ""
	}
	top := 1.0
	for _, p := range points {
		top = max(top, value(p))
	}
	k := curve{}
	for _, p := range points {
		k.at, k.value = append(k.at, p.at), append(k.value, value(p))
	}
	line, _ := outline(k, func(t time.Time) float64 { return 100 * float64(t.Sub(from)) / float64(sparkLength) },
		func(v float64) float64 { return 1 + 22*(1-v/top) }, 0)
	return line
}
