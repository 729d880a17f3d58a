package serve_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/fraud"
	"github.com/howdah/howdah/lab/serve"
	"github.com/howdah/howdah/server"
)

const (
	callEvery = 50 * time.Millisecond
	calls     = 1200
)

// What a prediction over HTTP takes while the delivered scenario goes on at speed 720, as in the demo: 20 calls a second for
// a minute, about customers and merchants in proportion to their payments. A private PostgreSQL with fsync, as users get.
func TestLatency(t *testing.T) {
	if os.Getenv("HOWDAH_LONG") != "1" {
		t.Skip("takes two minutes, and an idle machine; HOWDAH_LONG=1 runs it")
	}
	ctx, stop := context.WithCancel(t.Context())
	db, err := howdah.OpenLocal(ctx, t.TempDir(), howdah.WithMaxConns(40))
	must(t, err)
	t.Cleanup(db.Close)
	world, err := fraud.New(nil, 42)
	must(t, err)
	l, err := lab.Open(ctx, lab.Config{DB: db, Scenario: world})
	must(t, err)
	t.Cleanup(l.Close)
	srv, err := server.New(server.Config{DB: db, HTTP: "127.0.0.1:0", Extend: func(api huma.API, fail func(context.Context, error) error) {
		serve.Register(api, func(context.Context) (*lab.Lab, error) { return l, nil }, fail)
	}})
	must(t, err)
	var all sync.WaitGroup
	begin := func(run func() error) {
		all.Go(func() {
			if err := run(); err != nil {
				t.Error(err)
			}
		})
	}
	begin(func() error { return srv.Run(ctx) })
	ready := make(chan struct{})
	begin(func() error { return l.Run(ctx, lab.RunOptions{Ready: func() { close(ready) }}) })
	t.Cleanup(all.Wait)
	t.Cleanup(stop)
	select {
	case <-ready:
	case <-time.After(3 * time.Minute):
		t.Fatal("the scenario does not go live")
	}
	rows, err := db.Pool().Query(ctx, "select key1, key2 from lab.facts order by md5(fact_id) limit $1", calls)
	must(t, err)
	pairs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Customer, Merchant string }])
	must(t, err)

	took := make([]time.Duration, len(pairs))
	var calling sync.WaitGroup
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for i, p := range pairs {
		<-tick.C
		calling.Go(func() {
			body := fmt.Sprintf(`{"instances": [{"customer_id": %q, "merchant_id": %q, "amount_cents": %d, "channel": "online"}]}`, p.Customer, p.Merchant, 500+i)
			began := time.Now()
			resp, err := http.Post(srv.URL()+"/v1/models/fraud/predict", "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = resp.Body.Close() }()
			text, err := io.ReadAll(resp.Body)
			took[i] = time.Since(began)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%s %s: %v", resp.Status, text, err)
			}
		})
	}
	calling.Wait()
	for part := range slices.Chunk(took, calls/3) {
		t.Log(quantiles(part))
	}
	t.Logf("all: %s", quantiles(took))
}

func quantiles(all []time.Duration) string {
	all = slices.Sorted(slices.Values(all))
	at := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000 }
	return fmt.Sprintf("p50 %.1f ms, p95 %.1f, p99 %.1f, greatest %.1f", at(0.5), at(0.95), at(0.99), at(1))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
