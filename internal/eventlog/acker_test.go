package eventlog_test

import (
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah/internal/eventlog"
	"github.com/howdah/howdah/internal/testdb"
)

// TestAcker: acks that somebody waits for and acks that may wait come together, each with its own answer.
func TestAcker(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), testdb.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	const n = 60
	for _, sql := range []string{"select howdah.create_topic('t')", "select howdah.create_consumer('c', 't')",
		"insert into events.t (payload) select '1' from generate_series(1, 60)"} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := pool.Query(t.Context(), "select claim_id from howdah.reserve('c', 1, claims => 60)")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(claims) != n {
		t.Fatalf("%d claims: %v", len(claims), err)
	}
	a := eventlog.NewAcker(pool)
	var all sync.WaitGroup
	for i, claim := range claims {
		ack := a.Ack
		if i%3 > 0 {
			ack = a.AckSoon
		}
		all.Go(func() {
			if got, err := ack(t.Context(), claim); got != 1 || err != nil {
				t.Errorf("claim %d: %d events, %v", i, got, err)
			}
			if _, err := ack(t.Context(), claim); err == nil {
				t.Errorf("claim %d is acked twice", i)
			}
		})
	}
	all.Wait()
	var open int
	if err := pool.QueryRow(t.Context(), "select count(*) from howdah.open_claims").Scan(&open); err != nil || open != 0 {
		t.Errorf("%d claims are open: %v", open, err)
	}
}
