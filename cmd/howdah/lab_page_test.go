package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testbrowser"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/server"
)

// smallWorld has fewer customers and a shorter prehistory than the delivered scenario; a model can just be trained.
const smallWorld = `
prehistory_days = 47
[customers]
count = 350
[merchants]
count = 600
online = 30
[fraud.stolen_card]
per_day = 1.2
`

// The lab on the page: pause the scenario, inject a fault and see its alert, move the champion alias back.
func TestLabPage(t *testing.T) {
	if testing.Short() {
		t.Skip("plays a small world")
	}
	ctx := t.Context()
	db, err := howdah.Open(ctx, testdb.New(t), howdah.WithMaxConns(labConns))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	served := servedLab{db: db}
	t.Cleanup(served.close)
	url := servePage(t, server.Config{DB: db, Extend: labRoutes(&served), Lab: labPage{&served}})
	tab := testbrowser.New(t, url)
	tab.Open("/lab")
	tab.Says("h1", "No lab in this database")

	l, err := newLab(ctx, db, smallWorld, 11, nil)
	if err != nil {
		t.Fatal(err)
	}
	until := 49
	if os.Getenv("HOWDAH_SCREENSHOTS") != "" {
		until = 62
	}
	play := func(day int) {
		t.Helper()
		if err := l.Run(ctx, lab.RunOptions{Until: day, Fast: true}); err != nil {
			t.Fatal(err)
		}
	}
	play(until)
	tab.Open("/lab")
	tab.Says("#live-lab-models", "champion")
	tab.Says("#live-lab-data", "payments_clean")
	tab.Says("#live-lab-head", "Nobody runs this lab")

	tab.Click("#clock")
	tab.Says(".flash", "stands still")
	tab.Says("#live-lab-head", "paused")
	if c, err := l.Clock(ctx); err != nil || !c.Paused {
		t.Errorf("the clock is %+v, %v", c, err)
	}
	tab.Click("#clock")
	tab.Says(".flash", "runs again")
	if c, err := l.Clock(ctx); err != nil || c.Paused {
		t.Errorf("the clock is %+v, %v", c, err)
	}

	before, err := l.Clock(ctx)
	must(t, err)
	tab.Click("#step")
	tab.Says(".flash", "moves on by 60 min")
	if c, err := l.Clock(ctx); err != nil || !c.Scenario.Equal(before.Scenario.Add(time.Hour)) {
		t.Errorf("a step of an hour from %+v came to %+v, %v", before, c, err)
	}

	tab.Click("#inject") // the first fault of the list: facts do not arrive
	tab.Says("h1", "Inject drop_facts?")
	tab.Says(".will", "facts do not arrive")
	tab.Says(".twins", "howdah lab inject drop_facts --for 24h0m0s --share 1")
	tab.Click("#do")
	tab.Says(".flash", "drop_facts is injected")
	if all, err := l.Injections(ctx); err != nil || len(all) != 1 || all[0].Fault != "drop_facts" || all[0].Until.Sub(all[0].From) != 24*time.Hour || all[0].Share != 1 {
		t.Errorf("injected is %+v, %v", all, err)
	}
	play(until + 1)
	// By itself: the page is open. At night, when little comes anyway, the alert is resolved.
	tab.Until("document.querySelector('#live-lab-alerts').textContent.includes('no_data')")

	alerts, err := l.Alerts(ctx, false)
	if err != nil || !slices.ContainsFunc(alerts, func(a lab.Alert) bool { return a.Name == "no_data" && a.FiredAt != nil }) {
		t.Errorf("the alerts are %+v, %v", alerts, err)
	}

	if _, detail, err := l.TrainNow(ctx, lab.PositiveNow); err != nil {
		t.Fatal(detail, err)
	}
	// The scenario has trained and promoted versions of its own, how many depends on how far it was played.
	former, trained := championOf(t, l), newestOf(t, l)
	tab.Open("/lab")
	tab.Click(fmt.Sprintf("button[aria-label='Make fraud %d champion']", trained))
	tab.Says("h1", fmt.Sprintf("Let champion of fraud be version %d?", trained))
	tab.Click("#do")
	tab.Says(".flash", fmt.Sprintf("champion of fraud is version %d.", trained))
	if now := championOf(t, l); now != trained {
		t.Errorf("champion is version %d, not %d", now, trained)
	}
	tab.Click("#rollback")
	tab.Says("h1", "Give champion of fraud back")
	tab.Says(".will", fmt.Sprintf("Version %d is champion no longer", trained))
	tab.Click("#do")
	tab.Says(".flash", fmt.Sprintf("champion of fraud is version %d again.", former))
	moves, err := l.History(ctx, "fraud")
	if err != nil || len(moves) == 0 || championOf(t, l) != former || moves[len(moves)-1].By != "on the page" {
		t.Errorf("the history ends with %+v, %v", moves, err)
	}
	first, again := took(t, url+"/lab"), took(t, url+"/lab?span=30")
	t.Logf("/lab at day %d: %d ms, again %d ms", until, first.Milliseconds(), again.Milliseconds())
	if os.Getenv("HOWDAH_LONG") == "1" && first > 300*time.Millisecond {
		t.Errorf("the lab's page takes %s", first)
	}
	trouble(t, db)
	tab.Open("/")
	tab.Says("#live-problems", "40 events were given up")
	tab.Watch()
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			tab.Look(width, theme)
			for _, path := range []string{"/lab", "/lab?span=30", "/lab/inject?fault=drop_facts&hours=24&percent=100", "/lab/jump?day=99"} {
				tab.Open(path)
				for _, wrong := range tab.Audit() {
					t.Errorf("%s at %d, %s: %s", path, width, theme, wrong)
				}
			}
		}
		for name, path := range map[string]string{"overview": "/", "lab": "/lab", "topic": "/topics/payments_clean", "event": "/topics/payments_clean/events/100",
			"document": "/documents/merchants", "consumer": "/consumers/billing"} {
			tab.Open(path)
			tab.Shoot(name+"-"+theme, false)
		}
	}
}

func championOf(t *testing.T, l *lab.Lab) int {
	t.Helper()
	moves, err := l.History(t.Context(), "fraud")
	must(t, err)
	for _, m := range moves {
		if m.Alias == lab.Champion && m.Until == nil {
			return m.Version
		}
	}
	t.Fatalf("nobody is champion: %+v", moves)
	return 0
}

func newestOf(t *testing.T, l *lab.Lab) (newest int) {
	t.Helper()
	all, err := l.Versions(t.Context(), "fraud")
	must(t, err)
	for _, v := range all {
		newest = max(newest, v.Version)
	}
	return newest
}

// trouble makes dead letters, a consumer that is paused and one without a worker.
func trouble(t *testing.T, db *howdah.DB) {
	t.Helper()
	for name, reason := range map[string]string{"billing": "no such account: the merchant has closed it", "mailer": ""} {
		k, err := db.CreateConsumer(t.Context(), name, "payments_clean", howdah.MaxAttempts(1))
		must(t, err)
		claim, err := k.Claim(t.Context(), 40)
		must(t, err)
		if reason == "" {
			_, err = claim.Ack(t.Context())
			must(t, err)
			must(t, k.Pause(t.Context()))
			continue
		}
		_, err = claim.Nack(t.Context(), reason)
		must(t, err)
	}
}

// took is how long a page takes to come.
func took(t *testing.T, url string) time.Duration {
	t.Helper()
	began := time.Now()
	resp, err := http.Get(url) //nolint:gosec // our own
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	must(t, err)
	return time.Since(began)
}
