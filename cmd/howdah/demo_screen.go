package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/howdah/howdah"
)

// settleTime is how long the end of a demo waits for consumers that are behind.
const settleTime = 20 * time.Second

// open takes over the terminal, if there is one, and gives back how to leave it.
func (d *demo) open() (leave func()) {
	f, ok := d.terminal()
	if !ok {
		return func() {}
	}
	d.logs.set(nil)
	_, _ = f.WriteString(screenOpen)
	return func() {
		_, _ = f.WriteString(screenClose)
		d.logs.set(d.a.Err)
	}
}

func (d *demo) terminal() (*os.File, bool) {
	f, ok := d.a.Out.(*os.File)
	return f, ok && !d.a.json && isTerminal(f)
}

// show paints until the producer's time is over and, where that was not the user's wish, every consumer has caught up.
func (d *demo) show(running, working context.Context) error {
	f, screen := d.terminal()
	every := 2 * time.Second
	if screen {
		every = 400 * time.Millisecond
	}
	began, before := time.Now(), map[string]int64{}
	painted := began
	var over time.Time
	for {
		wait := pause(working, every)
		if over.IsZero() && wait == nil && running.Err() != nil {
			over = time.Now()
		}
		if working.Err() != nil {
			return nil
		}
		v, err := d.look(working, began, painted, before)
		switch {
		case working.Err() != nil:
			return nil
		case err != nil: // the database is away for a moment
			v = view{lines: []string{d.title, "", "waiting for the database: " + err.Error()}, line: "waiting for the database: " + err.Error()}
		default:
			painted = time.Now()
		}
		if screen {
			err = paint(f, v.lines)
		} else if !d.a.json {
			_, err = fmt.Fprintln(d.a.Out, v.line)
		} else {
			err = d.a.printJSON(v.consumers)
		}
		if err != nil {
			return err
		}
		if !over.IsZero() && (v.settled || time.Since(over) > settleTime) {
			return nil
		}
	}
}

// view is one look at the demo: for a screen, for a line, for programs.
type view struct {
	lines     []string
	line      string
	consumers []howdah.ConsumerInfo
	settled   bool
}

func (d *demo) look(ctx context.Context, began, last time.Time, before map[string]int64) (v view, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	t, err := d.db.Topic(demoTopic).Info(ctx)
	if err != nil {
		return v, err
	}
	all, err := d.db.Consumers(ctx)
	if err != nil {
		return v, err
	}
	since := time.Since(last).Seconds()
	rate := func(name string, now int64) float64 {
		was := before[name]
		before[name] = now
		return float64(now-was) / since
	}
	in := d.made.Load()
	inRate := rate("", in)
	v.settled = true
	v.lines = []string{
		fmt.Sprintf("%s   %s", d.title, time.Since(began).Round(time.Second)), "",
		fmt.Sprintf("topic %s: %s events, %s/s from this producer, %s", demoTopic, thousands(t.Events), perSecond(inRate), size(t.Bytes)), "",
		fmt.Sprintf("%-14s %9s %9s %8s %9s %9s %8s %6s", "CONSUMER", "SEEN", "EVENTS/S", "LAG", "BEHIND", "IN FLIGHT", "RETRIES", "DEAD"),
	}
	parts := []string{fmt.Sprintf("%4s  in %s (%s/s)", time.Since(began).Round(time.Second), thousands(in), perSecond(inRate))}
	for _, c := range all {
		n := d.counts[c.Consumer]
		if c.Topic != demoTopic || n == nil {
			continue
		}
		v.consumers = append(v.consumers, c)
		v.settled = v.settled && c.Lag == 0
		behind := "-"
		if c.LagSeconds != nil {
			behind = age(*c.LagSeconds)
		}
		seen := n.events.Load()
		v.lines = append(v.lines, fmt.Sprintf("%-14s %9s %9s %8s %9s %9s %8s %6s", c.Consumer, thousands(seen), perSecond(rate(c.Consumer, seen)),
			thousands(c.Lag), behind, thousands(c.InFlight), thousands(c.Pending), thousands(c.Dead)))
		parts = append(parts, fmt.Sprintf("%s %s lag %s", strings.TrimPrefix(c.Consumer, "demo_"), thousands(seen), thousands(c.Lag)))
	}
	v.line = strings.Join(parts, " | ")
	v.lines = append(v.lines, "", "Ctrl-C ends it. In another terminal: howdah tail "+demoTopic, clip(d.logs.lastLine(), 200))
	return v, nil
}

func perSecond(f float64) string { return thousands(int64(f + 0.5)) }

// paint paints over what was there, line by line, so that nothing flickers.
func paint(f *os.File, lines []string) error {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width, height = 80, 24
	}
	var b strings.Builder
	b.WriteString(screenHome)
	for i, l := range lines {
		if i < height-1 {
			b.WriteString(clip(l, width) + lineEnd)
		}
	}
	b.WriteString(screenRest)
	_, err = f.WriteString(b.String())
	return err
}

// summary says what came of it, and proves it.
func (d *demo) summary(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	problems, err := d.db.Check(ctx)
	if err != nil {
		return err
	}
	all, err := d.db.Consumers(ctx)
	if err != nil {
		return err
	}
	var events, booked, audited int64
	err = d.db.Pool().QueryRow(ctx, `select (select count(*) from events.demo_payments), (select count(*) from public.demo_audit),
		(select count(*) from events.demo_payments p join public.demo_audit a on a.event_id = p.id)`).Scan(&events, &booked, &audited)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	if d.a.json {
		err = d.a.printJSON(map[string]any{"events": events, "published": d.made.Load(), "audit_rows": booked, "consumers": all, "problems": problems})
	} else {
		_, _ = fmt.Fprintf(d.a.Out, "\n%s events, %s of them published by this run\n", thousands(events), thousands(d.made.Load()))
		for _, c := range all {
			if n := d.counts[c.Consumer]; n != nil {
				_, _ = fmt.Fprintf(d.a.Out, "%-14s was handed %s, has done %s, lag %s, dead letters %s\n", c.Consumer, thousands(n.events.Load()),
					thousands(events-c.Lag-c.Dead), thousands(c.Lag), thousands(c.Dead))
			}
		}
		_, err = fmt.Fprintf(d.a.Out, "demo_audit wrote %s rows, of %s events: each once\ncheck: %d problems\n", thousands(booked), thousands(audited), len(problems))
	}
	if err != nil {
		return err
	}
	for _, p := range problems {
		_, _ = fmt.Fprintf(d.a.Err, "%s %s: %s\n", p.Topic, p.Consumer, p.Problem)
	}
	if len(problems) > 0 {
		return errSilent
	}
	if booked != audited {
		return fmt.Errorf("demo_audit has %d rows, and %d of them belong to events", booked, audited)
	}
	return nil
}
