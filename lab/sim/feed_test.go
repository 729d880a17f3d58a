package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

// toy is a world with i%4 events a day (none on every fourth day), several at the same instant.
type toy struct {
	made atomic.Int64
	fail int // the day that cannot be made
}

var errToy = errors.New("toy day")

func (*toy) Info() Info { return Info{Epoch: scn0} }
func (w *toy) Day(day int) ([]Event, error) {
	w.made.Add(1)
	if w.fail > 0 && day == w.fail {
		return nil, errToy
	}
	var events []Event
	for i := range day % 4 * 5 {
		events = append(events, Event{
			ID: [16]byte{byte(day), byte(i)}, Stream: "toy", Key: fmt.Sprint(day), Payload: []byte("{}"),
			ArrivesAt: DayStart(scn0, day).Add(time.Duration(i/2) * time.Hour),
		})
	}
	return events, nil
}
func (*toy) Oracle(int) ([]Truth, error) { return nil, nil }

func all(t *testing.T, w World, until int) []Event {
	t.Helper()
	var events []Event
	for b, err := range Days(w, 0, until, 1) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, b.Events...)
	}
	return events
}

// A feed that is stopped anywhere and made again from its position hands out every event once and in order.
func TestFeedGoesOnFromAnyPosition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	want := Hash(all(t, &toy{}, 30))
	for range 50 {
		feed, until := NewFeed(&toy{}, Position{}), scn0
		var got []Event
		for until.Before(DayStart(scn0, 30)) {
			until = until.Add(time.Duration(r.IntN(30)) * time.Hour)
			limit := until
			if limit.After(DayStart(scn0, 30)) {
				limit = DayStart(scn0, 30)
			}
			for {
				events, err := feed.Take(limit, 1+r.IntN(10))
				if err != nil {
					t.Fatal(err)
				}
				if len(events) == 0 {
					break
				}
				for _, e := range events {
					if !e.ArrivesAt.Before(limit) {
						t.Fatalf("an event of %v before it is due at %v", e.ArrivesAt, limit)
					}
				}
				got = append(got, events...)
				if r.IntN(3) == 0 {
					feed = NewFeed(&toy{}, feed.Position())
				}
			}
		}
		if Hash(got) != want {
			t.Fatalf("%d events differ from those of the days", len(got))
		}
	}
}

func TestFeedLooksAheadAndRefusesStrangePositions(t *testing.T) {
	feed := NewFeed(&toy{}, Position{Day: 4})
	next, err := feed.NextArrival()
	if err != nil || !next.Equal(DayStart(scn0, 5)) {
		t.Errorf("next arrival %v (%v), want the beginning of day 5", next, err)
	}
	if _, err := NewFeed(&toy{}, Position{Day: 5, Index: 99}).Take(DayStart(scn0, 9), 1); err == nil {
		t.Error("a position behind the end of its day is accepted")
	}
	if _, err := feed.Take(DayStart(scn0, 9), 0); err == nil {
		t.Error("a maximum of 0 is accepted")
	}
	w := &toy{}
	if events, err := NewFeed(w, Position{Day: 7}).Take(DayStart(scn0, 7), 5); len(events) > 0 || err != nil || w.made.Load() > 0 {
		t.Errorf("nothing is due, but: %d events, %v, %d days made", len(events), err, w.made.Load())
	}
}

func TestDaysAreTheSameForAnyNumberOfWorkers(t *testing.T) {
	want := Hash(all(t, &toy{}, 60))
	for workers := range 9 {
		var events []Event
		day := 0
		for b, err := range Days(&toy{}, 0, 60, workers) {
			if err != nil {
				t.Fatal(err)
			}
			if b.Day != day {
				t.Fatalf("day %d after day %d", b.Day, day-1)
			}
			day++
			events = append(events, b.Events...)
		}
		if Hash(events) != want || day != 60 {
			t.Errorf("%d workers: %d days with other events", workers, day)
		}
	}
}

func TestDaysStopEarlyAndOnErrors(t *testing.T) {
	w := &toy{}
	for range Days(w, 0, 1_000_000, 4) {
		break
	}
	if made := w.made.Load(); made > 20 {
		t.Errorf("%d days were made for a reader of one", made)
	}
	last, failed := 0, false
	for b, err := range Days(&toy{fail: 17}, 0, 100, 3) {
		if failed {
			t.Fatal("the sequence goes on after its error")
		}
		if err != nil {
			failed = true
			if !errors.Is(err, errToy) || last != 16 {
				t.Errorf("error %v after day %d", err, last)
			}
			continue
		}
		last = b.Day
	}
	if !failed {
		t.Error("the error was swallowed")
	}
}

func TestEventsOfAWindow(t *testing.T) {
	from, until := DayStart(scn0, 6).Add(90*time.Minute), DayStart(scn0, 9).Add(2*time.Hour)
	var want, got []Event
	for _, e := range all(t, &toy{}, 30) {
		if !e.ArrivesAt.Before(from) && e.ArrivesAt.Before(until) {
			want = append(want, e)
		}
	}
	for e, err := range Events(&toy{}, from, until) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(want) == 0 || Hash(got) != Hash(want) {
		t.Errorf("%d events, want %d", len(got), len(want))
	}
}

func TestDayOf(t *testing.T) {
	for _, c := range []struct {
		after time.Duration
		day   int
	}{{0, 0}, {24*time.Hour - 1, 0}, {24 * time.Hour, 1}, {-1, -1}, {-24 * time.Hour, -1}, {-24*time.Hour - 1, -2}} {
		if got := DayOf(scn0, scn0.Add(c.after)); got != c.day {
			t.Errorf("%v after the epoch is day %d, want %d", c.after, got, c.day)
		}
	}
}
