package console_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/howdah/howdah"
)

// produce makes a topic with payments of three customers, a second apart in event time.
func (s *site) produce(topic string, n int) *howdah.Topic {
	s.t.Helper()
	t, err := s.db.CreateTopic(s.t.Context(), topic)
	must(s.t, err)
	s.publish(t, n)
	return t
}

func (s *site) publish(t *howdah.Topic, n int) {
	s.t.Helper()
	events := make([]howdah.Event, n)
	for i := range events {
		events[i] = howdah.Event{Key: fmt.Sprintf("c%d", i%3), Payload: fmt.Appendf(nil, `{"amount_cents": %d, "currency": "EUR", "note": "<b>&amp;"}`, 100*i)}
	}
	_, err := t.Publish(s.t.Context(), events...)
	must(s.t, err)
}

// failing takes all events of a consumer and gives up those whose number in the batch is even.
func (s *site) failing(k *howdah.Consumer, reason string) {
	s.t.Helper()
	for {
		claim, err := k.Claim(s.t.Context(), 100)
		must(s.t, err)
		if claim == nil {
			return
		}
		var bad, good []int64
		for i, e := range claim.Events {
			if i%2 == 0 {
				bad = append(bad, e.ID)
			} else {
				good = append(good, e.ID)
			}
		}
		_, err = claim.Nack(s.t.Context(), reason, bad...)
		must(s.t, err)
		if len(good) > 0 {
			_, err = claim.Ack(s.t.Context(), good...)
			must(s.t, err)
		}
	}
}

// A lag appears on the page that is open, and vanishes when a worker has caught up.
func TestLagAppearsAndVanishes(t *testing.T) {
	s := serve(t, nil).browse()
	topic := s.produce("payments", 5)
	k, err := s.db.CreateConsumer(t.Context(), "scoring", "payments", howdah.FromLatest())
	must(t, err)
	s.open("/")
	s.says("#live-consumers", "scoring")
	s.says("#live-consumers", "up to date")
	s.publish(topic, 321)
	s.until("document.querySelector('#live-consumers .lag').innerText.trim() === '321'")
	s.says("#live-headline", "321")
	s.shoot("lag-appears", false)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- k.Run(ctx, func(context.Context, []howdah.Event) error { return nil }, howdah.Workers(1), howdah.Batch(50))
	}()
	s.until("document.querySelector('#live-consumers .lag').innerText.trim() === '0'")
	s.says("#live-consumers", "up to date")
	stop()
	<-ended
}

func TestFindAnEventByKey(t *testing.T) {
	s := serve(t, nil).browse()
	topic := s.produce("payments", 300)
	_, err := topic.Publish(t.Context(), howdah.Event{Key: "needle", Payload: []byte(`{"amount_cents": 7, "card": {"country": "DE"}}`)})
	must(t, err)
	s.publish(topic, 300)
	_, err = s.db.CreateConsumer(t.Context(), "scoring", "payments")
	must(t, err)
	s.open("/topics/payments")
	s.until("document.querySelectorAll('#event-rows tr').length === 50")
	s.fill("#f-key", "needle")
	s.click(".search .primary")
	s.until("document.querySelectorAll('#event-rows tr').length === 1")
	s.says(".same code", "")
	if got := eval[string](s, "document.querySelector('.twins code').textContent"); got != "howdah find payments --key needle" {
		t.Errorf("the twin is %q", got)
	}
	s.click("#event-rows .id a")
	s.says("h1", "event 301")
	s.says(".way", "scoring")
	s.says(".way", "waiting")
	s.says(".json", `"country": "DE"`)

	s.open("/topics/payments")
	s.fill("#f-contains", `{"card": {"country": "DE"}}`)
	s.click(".search .primary")
	s.until("document.querySelectorAll('#event-rows tr').length === 1")
	s.open("/topics/payments")
	s.fill("#f-contains", `{"card": `)
	s.click(".search .primary")
	s.says("[role=alert]", "not JSON")
	s.open("/topics/payments?since=tomorrow")
	s.says("[role=alert]", "is not a time")
	s.open("/topics/payments?until=40")
	s.until("document.querySelector('#event-rows a').textContent === '40' && document.querySelectorAll('#event-rows tr').length === 40")
	s.open("/topics/nothing")
	s.says("h1", "unknown topic")
	s.says(".ask", "There are: payments")
}

func TestTail(t *testing.T) {
	s := serve(t, nil).browse()
	topic := s.produce("payments", 3)
	s.open("/topics/payments")
	s.click("#follow")
	s.says("#tail-note", "Waiting")
	// Whatever is published before the stream has begun is not shown: so publish until something is.
	deadline := time.Now().Add(10 * time.Second)
	for i := 0; time.Now().Before(deadline) && !eval[bool](s, "!!document.querySelector('#event-rows tr.new')"); i++ {
		_, err := topic.Publish(t.Context(), howdah.Event{Key: "live", Payload: fmt.Appendf(nil, `{"i": %d}`, i)})
		must(t, err)
	}
	s.says("#event-rows tr.new", "live")
}

func TestDeadLetterIsReadRedrivenAndDone(t *testing.T) {
	s := serve(t, nil).browse()
	s.produce("payments", 10)
	k, err := s.db.CreateConsumer(t.Context(), "scoring", "payments", howdah.MaxAttempts(1))
	must(t, err)
	s.failing(k, "no such account: 12")
	s.open("/consumers/scoring")
	s.says("#live-dead", "no such account: 12")
	s.says("#live-consumer-head", "5")
	s.says("#live-dead", `"currency":"EUR"`)
	s.click("table.dead [name=id][value='9']")
	s.says("#redrive", "Redrive 1…")
	s.click("#redrive")
	s.says("h1", "Redrive 1 dead letter of scoring?")
	if got := s.text(".twins code"); got != "howdah consumer redrive scoring 9" {
		t.Errorf("the twin is %q", got)
	}
	s.click("#do")
	s.says(".flash", "1 dead letter was sent round again.")
	s.until("!document.querySelector('table.dead [value=\"9\"]')")
	s.says("#live-pending", "9")
	claim, err := k.Claim(t.Context(), 10)
	must(t, err)
	if claim == nil || len(claim.Events) != 1 || claim.Events[0].ID != 9 {
		t.Fatalf("claimed %v, want event 9", claim)
	}
	s.says("#live-claims", "9")
	_, err = claim.Ack(t.Context())
	must(t, err)
	s.says("#live-claims", "None")
	s.open("/topics/payments/events/9")
	s.says(".way", "processed")
	s.open("/topics/payments/events/7")
	s.says(".way", "no such account: 12")
	s.open("/consumers/scoring")
	s.click("#redrive")
	s.says("h1", "Redrive all 4 dead letters of scoring?")
	s.click("#do")
	s.says(".flash", "4 dead letters were sent round again.")
	s.says("#live-dead", "None")
	if info, err := k.Info(t.Context()); err != nil || info.Dead != 0 || info.Pending != 4 {
		t.Errorf("dead %d, pending %d, %v", info.Dead, info.Pending, err)
	}
}

func TestSeekBackAndPause(t *testing.T) {
	s := serve(t, nil).browse()
	s.produce("payments", 20)
	k, err := s.db.CreateConsumer(t.Context(), "scoring", "payments")
	must(t, err)
	claim, err := k.Claim(t.Context(), 20)
	must(t, err)
	_, err = claim.Ack(t.Context())
	must(t, err)
	s.open("/consumers/scoring")
	s.says("#live-consumer-head", "up to date")
	s.fill("#target", "earliest")
	s.click("form[action$=seek] button")
	s.says(".will", "from event 21 to 1: 20 events are delivered again")
	info, err := k.Info(t.Context())
	must(t, err)
	if info.Lag != 0 {
		t.Fatalf("asking has moved the consumer: lag %d", info.Lag)
	}
	s.click("#do")
	s.says(".flash", "scoring goes on at earliest.")
	s.until("document.querySelector('#live-consumer-head .tiles b').innerText === '20'")
	if info, err := k.Info(t.Context()); err != nil || info.Lag != 20 || info.Head != 1 {
		t.Errorf("lag %d, head %d, %v", info.Lag, info.Head, err)
	}
	s.click("form[action$=pause] button")
	s.says(".will", "handed no more events")
	s.click("#do")
	s.says("#live-consumer-head", "paused")
	if claim, err := k.Claim(t.Context(), 20); err != nil || claim != nil {
		t.Fatalf("a paused consumer hands out %v, %v", claim, err)
	}
	s.open("/problems")
	s.says("#live-problem-list", "paused, with 20 events waiting")
	s.click("form[action='/problems/check'] button")
	s.says("main", "all is well")
	s.open("/consumers/scoring/resume")
	s.click("#do")
	s.until("!document.querySelector('#live-consumer-head').innerText.includes('paused')")
	claim, err = k.Claim(t.Context(), 20)
	must(t, err)
	if claim == nil || len(claim.Events) != 20 || claim.Events[0].ID != 1 {
		t.Fatalf("after going back and resuming it hands out %v", claim)
	}
	_, err = claim.Ack(t.Context())
	must(t, err)
	s.fill("#from", "3")
	s.fill("#until", "5")
	s.click("form[action$=replay] button")
	s.says("h1", "Deliver events 3 to 5 to scoring again?")
	s.click("#do")
	s.says(".flash", "Events 3 to 5 are delivered again.")
	claim, err = k.Claim(t.Context(), 20)
	must(t, err)
	if claim == nil || len(claim.Events) != 3 || claim.Events[0].ID != 3 {
		t.Fatalf("the replay hands out %v", claim)
	}
	s.open("/consumers/scoring/replay?from=1&until=x")
	s.says("h1", "is not an id")
	s.open("/consumers/scoring/seek?target=sometime")
	s.says("h1", "neither earliest, latest, an id nor a time")
}
