package schema_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// A mark and a guard of an earlier version are renewed where nobody holds the table, segments included; where somebody does,
// both stay, and work.
func TestUpgradeOfAGuard(t *testing.T) {
	ctx := context.Background()
	url := newDatabase(t)
	admin := connect(t, url)
	must(t, admin, "update howdah.setting set value = '1000' where name = 'segment_ids'")
	must(t, admin, "select howdah.create_topic('held'), howdah.create_topic('free', 1, '1 day')")
	const earlier = `create or replace trigger howdah_guard after insert on %[1]s for each row when (new.id <= coalesce(nullif(split_part(
			current_setting('howdah.t%[2]d', true), pg_current_xact_id()::text || ':', 2), '')::bigint, 9223372036854775807)
			or new.received_at <> statement_timestamp()) execute function howdah.refuse_id('id', %[2]d);
		alter table %[1]s enable always trigger howdah_guard; comment on trigger howdah_guard on %[1]s is null;
		create or replace function howdah.take_mark_%[2]d() returns trigger language plpgsql security definer as $$
		declare
			v bigint := coalesce(pg_sequence_last_value('%[1]s_id_seq'), 0);
		begin
			if pg_try_advisory_xact_lock_shared(1224736768 + %[2]d, v::int) then
				perform set_config('howdah.t%[2]d', pg_current_xact_id()::text || ':' || v, true);
			end if;
			return null;
		end $$`
	for i, table := range []string{"events.held", "events.free"} {
		must(t, admin, fmt.Sprintf(earlier, table, i+1))
	}
	const current = `select count(*) filter (where pg_get_triggerdef(oid) ~ 'howdah\.m' and tgenabled = 'A') || ' of ' || count(*)
		from pg_trigger where tgname = 'howdah_guard'`
	if got := one[string](t, admin, current); got != "0 of 5" {
		t.Fatalf("guards of today before the upgrade: %s", got)
	}
	works := func(when string) {
		t.Helper()
		must(t, admin, "insert into events.held (payload) values ('3')")
		must(t, admin, "insert into events.free (payload) values ('3')")
		for table, id := range map[string]int{"events.held": 0, "events.free": 0, "howdah_segments.topic_2_1": 900} {
			_, err := admin.Exec(ctx, fmt.Sprintf("insert into %s (id, payload) values (%d, '4')", table, id))
			if err == nil || !strings.Contains(err.Error(), "not drawn by this INSERT") {
				t.Errorf("%s: an id of one's own in %s: %v", when, table, err)
			}
		}
		if problem := one[string](t, admin, "select coalesce(string_agg(problem, '; '), '') from howdah.check()"); problem != "" {
			t.Errorf("%s: check: %s", when, problem)
		}
	}
	works("before")

	busy, err := connect(t, url).Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := busy.Exec(ctx, "insert into events.held (payload) values ('1')"); err != nil {
		t.Fatal(err)
	}
	_, err = admin.Exec(ctx, "select howdah.alter_topic('held', idle_timeout => '1 min')")
	if err == nil || !strings.Contains(err.Error(), "55P03") {
		t.Errorf("a change of the mark while a producer is open: %v", err)
	}
	upgrade := func(want string) {
		t.Helper()
		for _, changes := range []map[string]string{{"views/open_producers.sql": "create or replace view howdah.open_producers as select 1 as other;"}, nil} {
			if report, err := migrate(t, admin, changes); err != nil || !report.Installed {
				t.Fatalf("upgrade: %+v, %v", report, err)
			}
		}
		if got := one[string](t, admin, current); got != want {
			t.Errorf("guards of today after the upgrade: %s, not %s", got, want)
		}
	}
	upgrade("4 of 5")
	if _, err := busy.Exec(ctx, "insert into events.held (payload) values ('2')"); err != nil {
		t.Error("a producer that goes on:", err)
	}
	works("during a transaction")
	if err := busy.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	works("between")
	upgrade("5 of 5")
	works("after")
	must(t, admin, "select howdah.alter_topic('held', idle_timeout => '1 min')")
}
