package lab_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
)

// tiny is a world that is played within seconds; it goes live without a model, for want of days to train on.
const tiny = `
prehistory_days = 3
[customers]
count = 100
[merchants]
count = 200
online = 20
`

// What is asked of the clock while nobody runs the lab holds from when somebody does.
func TestClockOfAStoppedLab(t *testing.T) {
	l := open(t, testdb.New(t), tiny, 3)
	ctx := t.Context()
	if err := l.Run(ctx, lab.RunOptions{Until: 3, Fast: true}); err != nil {
		t.Fatal(err)
	}
	day, slow, yes := 4, 24.0, true
	for _, x := range []lab.ClockChange{{Day: &day}, {Step: 6 * time.Hour}, {Speed: &slow}, {Paused: &yes}} {
		if _, err := l.Set(ctx, x); err != nil {
			t.Fatal(err)
		}
	}
	c, err := l.Set(ctx, lab.ClockChange{})
	if want := l.Info().Epoch.Add(102 * time.Hour); err != nil || !c.Scenario.Truncate(time.Second).Equal(want) || c.Rate != slow || !c.Paused {
		t.Errorf("the clock is %+v (%v), want it at %v", c, err, want)
	}
	back := 3
	if _, err := l.Set(ctx, lab.ClockChange{Day: &back}); err == nil || !strings.Contains(err.Error(), "cannot go back") {
		t.Errorf("back to day 3: %v", err)
	}
	// Paused it stays, and at that speed day 4 would be an hour away: both ends are reached by the jump and the step alone.
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx, lab.RunOptions{}) }()
	until(t, func() bool {
		s, err := l.Status(ctx)
		return err == nil && s.Published.Equal(l.Info().Epoch.Add(102*time.Hour)) && s.Paused
	})
	if _, err := l.Set(ctx, lab.ClockChange{Step: time.Hour}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		s, err := l.Status(ctx)
		return err == nil && s.Published.Equal(l.Info().Epoch.Add(103*time.Hour))
	})

	err = lab.Reset(ctx, l.DB(), l.Scenario())
	if me := fmt.Sprintf("process %d ", os.Getpid()); !errors.Is(err, lab.ErrRunning) || !strings.Contains(err.Error(), me) {
		t.Errorf("a reset while this process runs the lab: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := lab.Reset(t.Context(), l.DB(), l.Scenario()); err != nil {
		t.Errorf("a reset after that: %v", err)
	}
}

// until waits until something is so.
func until(t testing.TB, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatal("it does not come to pass")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
