package howdah_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// tally counts how often each event was handled.
type tally struct {
	mu   sync.Mutex
	seen map[int64]int
}

func (c *tally) add(batch []howdah.Event) (total int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[int64]int{}
	}
	for _, e := range batch {
		c.seen[e.ID]++
	}
	return len(c.seen)
}

// once fails the test unless n events were handled once each.
func (c *tally) once(t *testing.T, n int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) != n {
		t.Errorf("%d events were handled, not %d", len(c.seen), n)
	}
	for id, times := range c.seen {
		if times != 1 {
			t.Errorf("event %d was handled %d times", id, times)
		}
	}
}

func value[T any](t *testing.T, db *howdah.DB, sql string, args ...any) (v T) {
	t.Helper()
	if err := db.Pool().QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// until polls the database until a query answers true.
func until(t *testing.T, db *howdah.DB, sql string, args ...any) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !value[bool](t, db, sql, args...); {
		if time.Now().After(end) {
			t.Fatalf("never true: %s", sql)
		}
	}
}

// TestRunManyConsumers: three consumers with four workers each see every event once, while two producers publish. No
// goroutine is left behind.
func TestRunManyConsumers(t *testing.T) {
	url := testdb.New(t)
	before := goleak.IgnoreCurrent()
	db, err := howdah.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	topic, err := db.CreateTopic(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	const producers, calls, each = 2, 100, 10
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	var complete atomic.Int32
	tallies := make([]tally, 3)
	for i := range tallies {
		c, err := db.CreateConsumer(t.Context(), fmt.Sprintf("worker%d", i), "things")
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			err := c.Run(ctx, func(_ context.Context, batch []howdah.Event) error {
				if tallies[i].add(batch) == producers*calls*each && complete.Add(1) == int32(len(tallies)) {
					stop()
				}
				return nil
			}, howdah.Workers(4), howdah.Batch(7))
			if err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	for range producers {
		wg.Go(func() {
			for range calls {
				publish(t, topic, each)
			}
		})
	}
	wg.Wait()
	for i := range tallies {
		tallies[i].once(t, producers*calls*each)
	}
	if n := value[int64](t, db, "select sum(lag)::bigint from howdah.consumers"); n != 0 {
		t.Errorf("%d events are unfinished", n)
	}
	db.Close()
	goleak.VerifyNone(t, before)
}

// TestRunBesideABusyConsumer: consumers of one process that wait for news claim together; one that another transaction holds
// does not keep the others from their events, and gets its own afterwards.
func TestRunBesideABusyConsumer(t *testing.T) {
	db, topic, _ := open(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	const n = 50
	names := []string{"first", "held", "third"}
	tallies, all := map[string]*tally{}, map[string]chan struct{}{}
	var runs sync.WaitGroup
	for _, name := range names {
		c, err := db.CreateConsumer(ctx, name, topic.Name(), howdah.Lease(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		seen, done := &tally{}, make(chan struct{})
		tallies[name], all[name] = seen, done
		runs.Go(func() {
			err := c.Run(ctx, func(_ context.Context, batch []howdah.Event) error {
				if seen.add(batch) == n {
					close(done)
				}
				return nil
			}, howdah.Batch(7))
			if err != nil {
				t.Errorf("run %s: %v", name, err)
			}
		})
	}
	tx, err := db.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select from howdah.consumer where name = 'held' for update"); err != nil {
		t.Fatal(err)
	}
	for range n {
		publish(t, topic, 1)
	}
	<-all["first"]
	<-all["third"]
	if err := tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	<-all["held"]
	stop()
	runs.Wait()
	for _, name := range names {
		tallies[name].once(t, n)
	}
}

// TestRunRetriesBesideAnOpenProducer: a retry comes when it is due, though a producer is open all the time and nothing new does.
func TestRunRetriesBesideAnOpenProducer(t *testing.T) {
	db, topic, consumer := open(t)
	publish(t, topic, 1)
	tx, err := db.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	if _, err := tx.Exec(t.Context(), "insert into events.things (payload) values ('1')"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	attempts := 0
	err = consumer.Run(ctx, func(_ context.Context, batch []howdah.Event) error {
		if attempts = batch[0].Attempt; attempts == 1 {
			return errors.New("not yet")
		}
		stop()
		return nil
	})
	if err != nil || attempts != 2 {
		t.Errorf("run: %v after %d attempts", err, attempts)
	}
}

// TestRunFollows: consumers that follow a trickle of events together get each of them once, in bytes of their own, and hold
// nothing when they have stopped, whenever that is.
func TestRunFollows(t *testing.T) {
	db, topic, _ := open(t)
	const n, stops = 600, 12
	tallies := make([]tally, 5)
	for i := range tallies {
		if _, err := db.CreateConsumer(t.Context(), fmt.Sprint("follower", i), topic.Name(), howdah.Lease(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for round := 1; round <= stops; round++ {
		ctx, stop := context.WithCancel(t.Context())
		var runs sync.WaitGroup
		runs.Go(func() {
			for range n / stops {
				publish(t, topic, 1)
			}
		})
		for i := range tallies {
			runs.Go(func() {
				err := db.Consumer(fmt.Sprint("follower", i)).Run(ctx, func(_ context.Context, batch []howdah.Event) error {
					for _, e := range batch {
						if string(e.Payload) != `{"n": 0}` {
							t.Errorf("event %d came as %s", e.ID, e.Payload)
						}
						copy(e.Payload, "scribble")
					}
					if tallies[i].add(batch) >= n*round/stops && round < stops {
						stop()
					}
					return nil
				})
				if err != nil {
					t.Errorf("run: %v", err)
				}
			})
		}
		if round == stops {
			until(t, db, "select min(head) > $1 and sum(lag) = 0 from howdah.consumers where consumer like 'follower%'", n)
			stop()
		}
		runs.Wait()
		stop()
		if open := value[int](t, db, "select count(*) from howdah.open_claims"); open != 0 {
			t.Fatalf("%d claims are held after everybody has stopped", open)
		}
	}
	for i := range tallies {
		tallies[i].once(t, n)
	}
}

// TestRunPoison: one event among a thousand fails always, one panics, one is named by the handler, and none of their
// neighbours is lost or fails with them.
func TestRunPoison(t *testing.T) {
	db, topic, consumer := open(t, howdah.MaxAttempts(2))
	publish(t, topic, 1000)
	var good tally
	err := consumer.Run(t.Context(), func(_ context.Context, batch []howdah.Event) error {
		for _, e := range batch {
			switch e.ID {
			case 333:
				return errors.New("poison")
			case 666:
				panic("venom")
			}
		}
		if i := slices.IndexFunc(batch, func(e howdah.Event) bool { return e.ID == 999 }); i >= 0 {
			good.add(slices.Concat(batch[:i], batch[i+1:]))
			return &howdah.FailedError{Events: map[int64]error{999: errors.New("named")}}
		}
		good.add(batch)
		return nil
	}, howdah.Workers(3), howdah.Batch(100), howdah.UntilIdle())
	if err != nil {
		t.Fatal(err)
	}
	good.once(t, 997)
	dead := value[string](t, db, "select string_agg(id || ' ' || attempts || ' ' || error, ', ' order by id) from howdah.dead_letters")
	if want := "333 2 poison, 666 2 handler panicked: venom, 999 2 named"; dead != want {
		t.Errorf("dead letters: %s; not %s", dead, want)
	}
	if n, err := consumer.Redrive(t.Context(), 333); n != 1 || err != nil {
		t.Errorf("%d redriven, %v", n, err)
	}
	var again tally
	if err := consumer.Run(t.Context(), func(_ context.Context, batch []howdah.Event) error { again.add(batch); return nil }, howdah.UntilIdle()); err != nil {
		t.Fatal(err)
	}
	again.once(t, 1)
}

// TestRunStops: when its context ends, a handler may finish, and what no handler has begun is handed back at once.
func TestRunStops(t *testing.T) {
	db, topic, consumer := open(t, howdah.Lease(time.Hour))
	publish(t, topic, 100)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	began, finish := make(chan struct{}), make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- consumer.Run(ctx, func(work context.Context, batch []howdah.Event) error {
			close(began)
			<-finish
			return work.Err()
		}, howdah.Batch(10))
	}()
	<-began
	until(t, db, "select count(*) >= 2 from howdah.open_claims") // one more is fetched ahead
	stop()
	until(t, db, "select count(*) = 1 from howdah.open_claims")
	close(finish)
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	var rest tally
	err := consumer.Run(t.Context(), func(_ context.Context, batch []howdah.Event) error {
		if batch[0].Attempt != 1 {
			t.Errorf("event %d comes for the %dth time", batch[0].ID, batch[0].Attempt)
		}
		rest.add(batch)
		return nil
	}, howdah.UntilIdle())
	if err != nil {
		t.Fatal(err)
	}
	rest.once(t, 90)
}

// TestRunStopsInABacklog: a run that is stopped at any moment while it works off a backlog, with claims under way for what
// comes next, holds nothing afterwards, and each event has come once.
func TestRunStopsInABacklog(t *testing.T) {
	db, topic, consumer := open(t, howdah.Lease(time.Hour))
	const n = 8000
	publish(t, topic, n)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	var all tally
	for seen := 0; seen < n; {
		ctx, stop := context.WithCancel(t.Context())
		last := seen + 1 + dice.IntN(500)
		err := consumer.Run(ctx, func(_ context.Context, batch []howdah.Event) error {
			if all.add(batch) >= last {
				stop()
			}
			return nil
		}, howdah.Workers(2), howdah.Batch(5), howdah.UntilIdle())
		stop()
		if err != nil {
			t.Fatal(err)
		}
		if open := value[int](t, db, "select count(*) from howdah.open_claims"); open != 0 {
			t.Fatalf("%d claims are held after the run has stopped", open)
		}
		seen = all.add(nil)
	}
	all.once(t, n)
}

// TestRunGrace: a handler that does not finish in time is told, and its events are handed back.
func TestRunGrace(t *testing.T) {
	db, topic, consumer := open(t, howdah.Lease(time.Hour))
	publish(t, topic, 10)
	ctx, stop := context.WithCancel(t.Context())
	err := consumer.Run(ctx, func(work context.Context, _ []howdah.Event) error {
		stop()
		<-work.Done()
		return work.Err()
	}, howdah.Grace(10*time.Millisecond))
	if err != nil {
		t.Errorf("run: %v", err)
	}
	if n := value[int](t, db, "select count(*) from howdah.claim('worker') where attempt = 1"); n != 10 {
		t.Errorf("%d events came back, not 10", n)
	}
}

// TestRunExtends: a handler may take longer than the lease, because the lease is extended.
func TestRunExtends(t *testing.T) {
	db, topic, consumer := open(t, howdah.Lease(500*time.Millisecond))
	publish(t, topic, 5)
	var seen tally
	err := consumer.Run(t.Context(), func(_ context.Context, batch []howdah.Event) error {
		seen.add(batch)
		until(t, db, "select lease_until > claimed_at + interval '1500 ms' from howdah.open_claims")
		if c, err := consumer.Claim(t.Context(), 10); c != nil || err != nil {
			t.Errorf("another worker got %+v, %v", c, err)
		}
		return nil
	}, howdah.UntilIdle())
	if err != nil {
		t.Fatal(err)
	}
	seen.once(t, 5)
}

// TestRunTellsLostClaims: a handler whose claim ended under it is told through its context.
func TestRunTellsLostClaims(t *testing.T) {
	_, topic, consumer := open(t, howdah.Lease(200*time.Millisecond))
	publish(t, topic, 1)
	var told atomic.Bool
	err := consumer.Run(t.Context(), func(ctx context.Context, _ []howdah.Event) error {
		if told.Load() {
			return nil
		}
		if err := consumer.Seek(t.Context(), "earliest"); err != nil {
			t.Error(err)
		}
		select {
		case <-ctx.Done():
			told.Store(errors.Is(context.Cause(ctx), howdah.ErrClaimLost))
		case <-time.After(20 * time.Second):
			t.Error("nobody told the handler")
		}
		return ctx.Err()
	}, howdah.UntilIdle())
	if err != nil || !told.Load() {
		t.Errorf("told: %v, %v", told.Load(), err)
	}
}

func TestRunRefuses(t *testing.T) {
	db, _, _ := open(t)
	err := db.Consumer("wroker").Run(t.Context(), func(context.Context, []howdah.Event) error { return nil })
	if !errors.Is(err, howdah.ErrNotFound) {
		t.Errorf("unknown consumer: %v", err)
	}
}

// TestRunTxExactlyOnce: whatever handlers do, their effects are there once for each event, at every isolation level.
func TestRunTxExactlyOnce(t *testing.T) {
	for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
		t.Run(string(level), func(t *testing.T) {
			db, topic, consumer := open(t, howdah.MaxAttempts(100))
			const n = 500
			publish(t, topic, n)
			for _, sql := range []string{"create table effects (id bigint primary key)", "create table total (n int)", "insert into total values (0)"} {
				if _, err := db.Pool().Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			var failures atomic.Int32
			err := consumer.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
				for _, e := range batch {
					if _, err := tx.Exec(ctx, "insert into effects values ($1)", e.ID); err != nil {
						return err
					}
				}
				if _, err := tx.Exec(ctx, "update total set n = n + $1", len(batch)); err != nil {
					return err
				}
				if rand.IntN(5) == 0 && failures.Add(1) < 20 {
					switch rand.IntN(3) {
					case 0:
						panic("at random")
					case 1:
						_, err := tx.Exec(ctx, "select 1 / 0")
						return err
					}
					return errors.New("at random")
				}
				return nil
			}, howdah.Workers(4), howdah.Batch(20), howdah.TxOptions(pgx.TxOptions{IsoLevel: level}), howdah.UntilIdle())
			if err != nil {
				t.Fatal(err)
			}
			if effects, total := value[int](t, db, "select count(*) from effects"), value[int](t, db, "select n from total"); effects != n || total != n {
				t.Errorf("%d effects, a total of %d; not %d", effects, total, n)
			}
			if failures.Load() == 0 {
				t.Error("nothing failed")
			}
			if n := value[int](t, db, "select count(*) from howdah.dead_letters"); n != 0 {
				t.Errorf("%d dead letters", n)
			}
		})
	}
}

// TestRunTxStopsInItsCommit: a commit on its way when a run is stopped is waited for, so that what has happened is not taken
// for lost.
func TestRunTxStopsInItsCommit(t *testing.T) {
	url := testdb.New(t)
	var log strings.Builder
	db, err := howdah.Open(t.Context(), url, howdah.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	topic, err := db.CreateTopic(t.Context(), "numbers")
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := db.CreateConsumer(t.Context(), "worker", "numbers")
	if err != nil {
		t.Fatal(err)
	}
	publish(t, topic, 10)
	const slow = `create table effects (id bigint);
		create function wait() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock(77); return null; end';
		create constraint trigger wait after insert on effects deferrable initially deferred for each row execute function wait()`
	if _, err := db.Pool().Exec(t.Context(), slow); err != nil {
		t.Fatal(err)
	}
	gate, err := db.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gate.Exec(t.Context(), "select pg_advisory_xact_lock(77)"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	handling, told := make(chan context.Context, 1), make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- consumer.RunTx(ctx, func(ctx context.Context, tx pgx.Tx, _ []howdah.Event) error {
			handling <- ctx
			_, err := tx.Exec(ctx, "insert into effects values (1)")
			return err
		}, howdah.Grace(time.Millisecond))
	}()
	work := <-handling
	context.AfterFunc(work, func() { close(told) })
	until(t, db, "select exists (select from pg_locks where locktype = 'advisory' and objid = 77 and not granted)")
	stop()
	<-told // the grace period is over; the commit still waits
	if err := gate.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	info, err := consumer.Info(t.Context())
	if effects := value[int](t, db, "select count(*) from effects"); err != nil || effects != 1 || info.Lag != 0 {
		t.Errorf("%d effects, a lag of %d, %v", effects, info.Lag, err)
	}
	if strings.Contains(log.String(), "claim") {
		t.Errorf("the log says:\n%s", log.String())
	}
}

const childURL = "HOWDAH_TEST_CHILD"

// TestTwoProcesses shares a consumer's work between two processes, each with two workers.
func TestTwoProcesses(t *testing.T) {
	if url := os.Getenv(childURL); url != "" {
		workAsChild(t, url)
		return
	}
	url := testdb.New(t)
	db, err := howdah.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	topic, err := db.CreateTopic(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.CreateConsumer(t.Context(), "worker", "things"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool().Exec(t.Context(), "create table handled (id bigint, pid int)"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 2 {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTwoProcesses$")
		child.Env = append(os.Environ(), childURL+"="+url)
		wg.Go(func() {
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("child: %v\n%s", err, out)
			}
		})
	}
	// Nothing is published before both wait for work.
	until(t, db, "select count(distinct pid) = 2 from handled where id = 0")
	publish(t, topic, 3000)
	wg.Wait()
	if n, distinct := value[int](t, db, "select count(*) from handled where id > 0"), value[int](t, db, "select count(distinct id) from handled where id > 0"); n != 3000 || distinct != n {
		t.Errorf("%d handled, %d distinct; not 3000", n, distinct)
	}
	if n := value[int](t, db, "select count(distinct pid) from handled where id > 0"); n != 2 {
		t.Errorf("%d processes did the work", n)
	}
}

// workAsChild works until all 3000 events are handled by somebody.
func workAsChild(t *testing.T, url string) {
	db, err := howdah.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Pool().Exec(t.Context(), "insert into handled values (0, $1)", os.Getpid()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer stop()
		until(t, db, "select count(*) >= 3000 from handled where id > 0")
	}()
	err = db.Consumer("worker").RunTx(ctx, func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
		for _, e := range batch {
			if _, err := tx.Exec(ctx, "insert into handled values ($1, $2)", e.ID, os.Getpid()); err != nil {
				return err
			}
		}
		return nil
	}, howdah.Workers(2), howdah.Batch(20))
	if err != nil {
		t.Error(err)
	}
}
