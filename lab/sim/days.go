package sim

import (
	"iter"
	"sync"
	"time"
)

// Batch is one day of events.
type Batch struct {
	Day    int
	Events []Event
}

// Days yields the days from … until-1 in order, produced by so many goroutines ahead of the reader. The events are the
// same for any number of them. An error ends the sequence.
func Days(w World, from, until, workers int) iter.Seq2[Batch, error] {
	type result struct {
		events []Event
		err    error
	}
	workers = max(workers, 1)
	return func(yield func(Batch, error) bool) {
		// One slot for each day on its way; the queue keeps their order and bounds how far production runs ahead.
		type job struct {
			day  int
			slot chan result
		}
		jobs, queue := make(chan job), make(chan job, workers)
		stop := make(chan struct{})
		var running sync.WaitGroup
		defer running.Wait()
		defer close(stop)
		for range workers {
			running.Go(func() {
				for j := range jobs {
					events, err := w.Day(j.day)
					j.slot <- result{events, err}
				}
			})
		}
		running.Go(func() {
			defer close(queue)
			defer close(jobs)
			for day := from; day < until; day++ {
				j := job{day, make(chan result, 1)}
				select {
				case queue <- j:
				case <-stop:
					return
				}
				select {
				case jobs <- j:
				case <-stop:
					return
				}
			}
		})
		for j := range queue {
			r := <-j.slot
			if !yield(Batch{j.day, r.events}, r.err) || r.err != nil {
				return
			}
		}
	}
}

// Events yields the events that arrive in [from, until), in order. An error ends the sequence.
func Events(w World, from, until time.Time) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		pos, err := PositionAt(w, from)
		if err != nil {
			yield(Event{}, err)
			return
		}
		feed := NewFeed(w, pos)
		for {
			events, err := feed.Take(until, 1<<20)
			if err != nil {
				yield(Event{}, err)
				return
			}
			if len(events) == 0 {
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}
