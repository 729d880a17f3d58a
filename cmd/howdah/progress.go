package main

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/howdah/howdah/lab"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// progress shows how far reading is, in bytes, and how many events are published. Off a terminal it shows nothing.
type progress struct {
	bar   *progressbar.ProgressBar
	begin time.Time
	noun  string
}

func newProgress(a *app, quiet bool, sources []source) *progress {
	p := &progress{begin: time.Now(), noun: "events"}
	f, ok := a.Err.(*os.File)
	if quiet || !ok || !isTerminal(f) {
		return p
	}
	total := int64(0)
	for _, s := range sources {
		if s.size < 0 {
			total = -1
			break
		}
		total += s.size
	}
	p.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(f),
		progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(total > 0),
		progressbar.OptionSetWidth(24),
		progressbar.OptionClearOnFinish(),
	)
	return p
}

// Write counts bytes that were read; it is called by the reader's goroutine.
func (p *progress) Write(b []byte) (int, error) {
	if p.bar != nil {
		_ = p.bar.Add(len(b))
	}
	return len(b), nil
}

func (p *progress) published(events int64) {
	if p.bar != nil {
		p.bar.Describe(fmt.Sprintf("%s %s, %s/s", thousands(events), p.noun, thousands(int64(float64(events)/time.Since(p.begin).Seconds()))))
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

// dayBar shows how far a scenario has been played, on a terminal.
type dayBar struct{ bar *progressbar.ProgressBar }

func newDayBar(a *app, days int) *dayBar {
	f, ok := a.Err.(*os.File)
	if !ok || !isTerminal(f) {
		return &dayBar{}
	}
	return &dayBar{progressbar.NewOptions(days, progressbar.OptionSetWriter(f), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())}
}

func (b *dayBar) show(p lab.Progress) {
	if b.bar != nil {
		b.bar.Describe(fmt.Sprintf("day %d, %s", p.Day, p.Phase))
		_ = b.bar.Set(p.Day)
	}
}

func (b *dayBar) finish() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}

// read counts bytes that nobody passes by.
func (p *progress) read(bytes int64) {
	if p.bar != nil {
		_ = p.bar.Add64(bytes)
	}
}
