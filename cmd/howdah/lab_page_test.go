package main

import (
	"context"
	"log/slog"
	"os"
	"testing"

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
	srv, err := server.New(server.Config{DB: db, HTTP: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Extend: labRoutes(&served), Lab: labPage{&served}})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	tab := testbrowser.New(t, srv.URL())
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

	tab.Click("#clock")
	tab.Says(".flash", "stands still")
	tab.Says("#live-lab-head", "paused")
	if c, err := l.Clock(ctx); err != nil || !c.Paused {
		t.Errorf("the clock is %+v, %v", c, err)
	}
	tab.Click("#clock")
	tab.Says(".flash", "runs again")

	tab.Click("#inject") // the first fault of the list: facts do not arrive
	tab.Says("h1", "Inject drop_facts?")
	tab.Says(".will", "facts do not arrive")
	tab.Says(".twins", "howdah lab inject drop_facts --for 24h0m0s --share 1")
	tab.Click("#do")
	tab.Says(".flash", "drop_facts is injected")
	play(until + 1)
	// By itself: the page is open. At night, when little comes anyway, the alert is resolved.
	tab.Until("document.querySelector('#live-lab-alerts').textContent.includes('no_data')")

	if _, detail, err := l.TrainNow(ctx, lab.PositiveNow); err != nil {
		t.Fatal(detail, err)
	}
	tab.Open("/lab")
	tab.Click("button[aria-label='Make fraud 2 champion']")
	tab.Says("h1", "Let champion of fraud be version 2?")
	tab.Click("#do")
	tab.Says(".flash", "champion of fraud is version 2.")
	tab.Click("#rollback")
	tab.Says("h1", "Give champion of fraud back")
	tab.Says(".will", "Version 2 is champion no longer")
	tab.Click("#do")
	tab.Says(".flash", "champion of fraud is version 1 again.")
	moves, err := l.History(ctx, "fraud")
	if err != nil || len(moves) == 0 || moves[len(moves)-1].Alias != lab.Champion || moves[len(moves)-1].Version != 1 || moves[len(moves)-1].By != "on the page" {
		t.Errorf("the history ends with %+v, %v", moves, err)
	}
	for _, theme := range []string{"light", "dark"} {
		tab.Look(1280, theme)
		for name, path := range map[string]string{"overview": "/", "lab": "/lab", "topic": "/topics/payments_clean", "event": "/topics/payments_clean/events/100",
			"document": "/documents/merchants", "consumers": "/#consumers"} {
			tab.Open(path)
			tab.Shoot(name+"-"+theme, false)
		}
	}
}
