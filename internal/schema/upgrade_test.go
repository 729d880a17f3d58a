package schema_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Upgrades in place while producers insert, a consumer works, a producer and a reader keep transactions open: nobody
// meets an error, and every event arrives once.
func TestUpgradeUnderLoad(t *testing.T) {
	ctx := context.Background()
	url := newDatabase(t)
	admin := connect(t, url)
	must(t, admin, "select howdah.create_topic('payments')")
	must(t, admin, "select howdah.create_consumer('audit', 'payments')")

	var stop atomic.Bool
	var sent atomic.Int64
	var wg sync.WaitGroup
	defer func() {
		stop.Store(true)
		wg.Wait()
	}()
	for range 3 {
		conn := connect(t, url)
		wg.Go(func() {
			for !stop.Load() {
				if _, err := conn.Exec(ctx, `insert into events.payments (payload) values ('{"n": 1}')`); err != nil {
					t.Error("produce:", err)
					return
				}
				sent.Add(1)
			}
		})
	}

	seen := map[int64]int{}
	consume := func(conn *pgx.Conn) (n int, err error) {
		rows, err := conn.Query(ctx, "select claim_id, id from howdah.claim('audit', 500)")
		if err != nil {
			return 0, err
		}
		var claim, id int64
		var ids []int64
		if _, err := pgx.ForEachRow(rows, []any{&claim, &id}, func() error { ids = append(ids, id); return nil }); err != nil || len(ids) == 0 {
			return 0, err
		}
		for _, id := range ids {
			seen[id]++
		}
		_, err = conn.Exec(ctx, "select howdah.ack($1)", claim)
		return len(ids), err
	}
	worker := connect(t, url)
	wg.Go(func() {
		for !stop.Load() {
			if _, err := consume(worker); err != nil {
				t.Error("consume:", err)
				return
			}
		}
	})

	// A producer that takes its time: no upgrade may wait for it.
	slow, err := connect(t, url).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Exec(ctx, `insert into events.payments (payload) values ('{"n": 1}')`); err != nil {
		t.Fatal(err)
	}
	sent.Add(1)

	// And a worker in the middle of its work, which has read its events through the topic's view.
	waitUntil(t, admin, "select exists (select from events.payments)")
	busy, err := connect(t, url).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := busy.Exec(ctx, "select from howdah.topic_1 limit 1"); err != nil {
		t.Fatal(err)
	}

	changed := map[string]string{
		"functions/claim/backoff.sql": `create or replace function howdah.backoff(attempts int, factor float default 1) returns interval
			language sql volatile as $$ select pg_catalog.make_interval(secs => factor * attempts) $$;`,
		"views/open_producers.sql": "create or replace view howdah.open_producers as select 1 as other;",
	}
	for i := range 6 {
		changes := changed
		if i%2 == 1 {
			changes = nil
		}
		if report, err := migrate(t, admin, changes); err != nil || !report.Installed {
			t.Fatalf("upgrade %d: %+v, %v", i, report, err)
		}
	}

	// A reader of a view that has to be dropped: the upgrade steps back for as long as it stays.
	reader, err := connect(t, url).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(ctx, "select from howdah.open_producers"); err != nil {
		t.Fatal(err)
	}
	brief, cancel := context.WithTimeout(ctx, 3*time.Second)
	run := variant(t, changed)
	_, err = run(brief, connect(t, url))
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an upgrade that cannot have its locks: %v", err)
	}
	done := make(chan error, 1)
	patient := connect(t, url)
	go func() {
		_, err := run(ctx, patient)
		done <- err
	}()
	waitUntil(t, admin, "select exists (select from pg_locks where relation = 'howdah.open_producers'::regclass and not granted)")
	if err := reader.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error("an upgrade after its locks came free:", err)
	}

	if _, err := migrate(t, admin, nil); err != nil {
		t.Fatal(err)
	}
	stop.Store(true)
	wg.Wait()
	if err := busy.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := slow.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := consume(worker)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("event %d was delivered %d times", id, n)
		}
	}
	if int64(len(seen)) != sent.Load() {
		t.Errorf("%d of %d events were delivered", len(seen), sent.Load())
	}
}

// waitUntil asks until the answer is true.
func waitUntil(t testing.TB, conn *pgx.Conn, question string) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !one[bool](t, conn, question); {
		if time.Now().After(until) {
			t.Fatalf("still not so: %s", question)
		}
	}
}
