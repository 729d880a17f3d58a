package sim

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	sys0 = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	scn0 = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
)

func mustClock(t *testing.T, rate float64) Clock {
	t.Helper()
	c, err := NewClock(sys0, scn0, rate)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClockSpeedPauseStepJump(t *testing.T) {
	expect := func(c Clock, at time.Duration, want time.Duration) {
		t.Helper()
		if got := c.Now(sys0.Add(at)).Sub(scn0); got != want {
			t.Errorf("scenario time after %v is %v, want %v", at, got, want)
		}
	}
	c := mustClock(t, 720)
	expect(c, 2*time.Minute, 24*time.Hour)
	expect(c, -time.Hour, 0)

	c = c.Pause(sys0.Add(time.Minute))
	expect(c, time.Hour, 12*time.Hour)
	if _, ok := c.When(scn0.Add(13 * time.Hour)); ok {
		t.Error("a paused clock claims to reach a later time")
	}
	c, err := c.Step(sys0.Add(time.Hour), 30*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	expect(c, 2*time.Hour, 12*time.Hour+30*time.Minute)
	c = c.Resume(sys0.Add(2 * time.Hour))
	expect(c, 2*time.Hour+time.Second, 12*time.Hour+30*time.Minute+720*time.Second)

	c, err = c.SetRate(sys0.Add(2*time.Hour+time.Second), 1)
	if err != nil {
		t.Fatal(err)
	}
	expect(c, 2*time.Hour+61*time.Second, 12*time.Hour+30*time.Minute+780*time.Second)

	now := sys0.Add(3 * time.Hour)
	if _, err := c.Jump(now, scn0); err == nil {
		t.Error("a jump back is accepted")
	}
	if _, err := c.Step(now, -time.Second); err == nil {
		t.Error("a step back is accepted")
	}
	c, err = c.Jump(now, scn0.Add(1000*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	expect(c, 3*time.Hour, 1000*time.Hour)
	if same := c.Advance(now, scn0); !same.Now(now).Equal(c.Now(now)) {
		t.Error("Advance went back")
	}
}

func TestClockAtMaxSpeedMovesByAdvanceOnly(t *testing.T) {
	c := mustClock(t, MaxSpeed)
	if got := c.Now(sys0.Add(time.Hour)); !got.Equal(scn0) {
		t.Errorf("scenario time moved to %v by itself", got)
	}
	c = c.Advance(sys0.Add(time.Hour), scn0.Add(48*time.Hour))
	if got := c.Now(sys0.Add(time.Hour)); !got.Equal(scn0.Add(48 * time.Hour)) {
		t.Errorf("scenario time is %v after Advance", got)
	}
}

func TestClockRefusesBadSpeeds(t *testing.T) {
	for _, rate := range []float64{-1, 1e7, nan()} {
		if _, err := NewClock(sys0, scn0, rate); err == nil {
			t.Errorf("speed %v is accepted", rate)
		}
		if _, err := mustClock(t, 1).SetRate(sys0, rate); err == nil {
			t.Errorf("speed %v is accepted", rate)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

// Whatever happens to a clock: scenario time never goes back, a stored clock goes on as if it had not been stored, and
// an event that is due at When is due by Now.
func TestClockProperties(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		c := mustClock(t, []float64{0.37, 1, 24, 720, 2880, 1e6}[r.IntN(6)])
		now, last := sys0, scn0
		for range 50 {
			now = now.Add(time.Duration(r.Int64N(int64(time.Hour))))
			switch r.IntN(6) {
			case 0:
				c = c.Pause(now)
			case 1:
				c = c.Resume(now)
			case 2:
				c, _ = c.SetRate(now, float64(r.IntN(3000)+1)/7)
			case 3:
				c, _ = c.Step(now, time.Duration(r.Int64N(int64(time.Hour))))
			case 4:
				c, _ = c.Jump(now, last.Add(time.Duration(r.Int64N(int64(time.Hour)))))
			case 5:
				text, err := json.Marshal(c)
				if err != nil {
					t.Fatal(err)
				}
				var stored Clock
				if err := json.Unmarshal(text, &stored); err != nil {
					t.Fatal(err)
				}
				if !stored.Now(now).Equal(c.Now(now)) {
					t.Fatalf("stored clock shows %v, want %v", stored.Now(now), c.Now(now))
				}
				c = stored
			}
			got := c.Now(now)
			if got.Before(last) {
				t.Fatalf("scenario time went from %v back to %v", last, got)
			}
			last = got
			due := got.Add(time.Duration(r.Int64N(int64(100 * time.Hour))))
			at, ok := c.When(due)
			if ok == c.Paused && due.After(c.Scenario) {
				t.Fatalf("When says %v on a clock with paused = %v", ok, c.Paused)
			}
			if !ok {
				continue
			}
			if c.Now(at).Before(due) {
				t.Fatalf("rate %v: due %v, but at %v the clock shows %v", c.Rate, due, at, c.Now(at))
			}
			early := at.Add(-time.Microsecond)
			if early.After(c.System) && !c.Now(early).Before(due.Add(time.Duration(c.Rate*1000)+time.Microsecond)) {
				t.Fatalf("rate %v: When is more than a microsecond late", c.Rate)
			}
		}
	}
}
