package main

import (
	"testing"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/sales"
	"github.com/howdah/howdah/internal/testbrowser"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/server"
)

// A lab whose target is an amount shows its error, not an AUC, and no frauds.
func TestLabPageOfAnAmount(t *testing.T) {
	if testing.Short() {
		t.Skip("plays a very small world")
	}
	ctx := t.Context()
	db, err := howdah.Open(ctx, testdb.New(t), howdah.WithMaxConns(labConns))
	must(t, err)
	t.Cleanup(db.Close)
	l, err := lab.Open(ctx, lab.Config{DB: db, Scenario: sales.Scenario{}})
	must(t, err)
	must(t, l.Run(ctx, lab.RunOptions{Until: sales.Live + 4, Fast: true}))
	// The command knows one scenario by name; this lab is handed to it.
	served := servedLab{db: db, opened: l, checked: time.Now().Add(time.Hour)}
	t.Cleanup(served.close)
	tab := testbrowser.New(t, servePage(t, server.Config{DB: db, Extend: labRoutes(&served), Lab: labPage{&served}}))
	tab.Open("/lab")
	tab.Says("#live-lab-head", "MAPE, matured")
	tab.Says("#auc-title", "MAPE")
	tab.Says("#live-lab-models", "MAPE offline")
	tab.Until("!/AUC|fraud/i.test(document.querySelector('main').innerText)")
	tab.Until("/MAPE, matured\\s+\\d+\\.\\d %\\s+of \\d+/.test(document.querySelector('#live-lab-head').innerText)")
	tab.Shoot("amount", true)
}
