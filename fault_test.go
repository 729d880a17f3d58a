package howdah_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// An error of a handler's own is none of the database, whatever it looks like: its event dies, and the others come through.
func TestRunHandlersOwnErrors(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"file": func(context.Context) error { _, err := os.Open("/does/not/exist"); return err },
		"json": func(context.Context) error { return json.NewDecoder(strings.NewReader(`{"a":`)).Decode(new(any)) },
		"time-out": func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 0)
			defer cancel()
			return ctx.Err()
		},
		"busy lock": func(context.Context) error { return &pgconn.PgError{Code: "55P03"} },
	} {
		t.Run(name, func(t *testing.T) {
			db, topic, consumer := open(t, howdah.MaxAttempts(1))
			publish(t, topic, 10)
			poison := value[int64](t, db, "select id from events.things order by id offset 4 limit 1")
			var good tally
			err := consumer.Run(t.Context(), func(ctx context.Context, batch []howdah.Event) error {
				if slices.ContainsFunc(batch, func(e howdah.Event) bool { return e.ID == poison }) {
					return fail(ctx)
				}
				good.add(batch)
				return nil
			}, howdah.UntilIdle())
			if err != nil {
				t.Fatal(err)
			}
			good.once(t, 9)
			if dead := value[int64](t, db, "select max(id) from howdah.dead_letters having count(*) = 1"); dead != poison {
				t.Errorf("event %d is dead", dead)
			}
		})
	}
}

// What a handler does to its batch does not show in the batches after it.
func TestRunHandlerChangesItsBatch(t *testing.T) {
	scramble := func(batch []howdah.Event) {
		for i := range batch {
			copy(batch[i].Payload, "xxxxxxxxxx")
			batch[i].ID = -1
		}
		_ = append(batch, howdah.Event{ID: -2})
	}
	t.Run("halves", func(t *testing.T) {
		db, topic, consumer := open(t)
		publish(t, topic, 8)
		ids := value[[]int64](t, db, "select array_agg(id order by id) from events.things")
		var got []int64
		err := consumer.Run(t.Context(), func(_ context.Context, batch []howdah.Event) error {
			defer scramble(batch)
			for _, e := range batch {
				if !json.Valid(e.Payload) {
					t.Errorf("event %d has payload %s", e.ID, e.Payload)
				}
			}
			if len(batch) > 2 {
				return errors.New("too many")
			}
			for _, e := range batch {
				got = append(got, e.ID)
			}
			return nil
		}, howdah.UntilIdle())
		if err != nil || !slices.Equal(got, ids) {
			t.Errorf("%v, events %v, not %v", err, got, ids)
		}
	})
	t.Run("again", func(t *testing.T) {
		db, topic, consumer := open(t)
		publish(t, topic, 8)
		ids := value[[]int64](t, db, "select array_agg(id order by id) from events.things")
		tries := 0
		var got []int64
		err := consumer.RunTx(t.Context(), func(_ context.Context, _ pgx.Tx, batch []howdah.Event) error {
			got = nil
			for _, e := range batch {
				got = append(got, e.ID)
			}
			scramble(batch)
			if tries++; tries < 3 {
				return &pgconn.PgError{Code: "40001"}
			}
			return nil
		}, howdah.UntilIdle())
		if err != nil || tries != 3 || !slices.Equal(got, ids) {
			t.Errorf("%v, %d tries, events %v, not %v", err, tries, got, ids)
		}
		if n := value[int](t, db, "select lag from howdah.consumers"); n != 0 {
			t.Errorf("%d events are left", n)
		}
	})
}

// A nil error in a FailedError is no failure.
func TestFailedErrorNil(t *testing.T) {
	db, topic, consumer := open(t, howdah.MaxAttempts(1))
	publish(t, topic, 3)
	err := consumer.Run(t.Context(), func(_ context.Context, batch []howdah.Event) error {
		return &howdah.FailedError{Events: map[int64]error{batch[0].ID: nil, batch[1].ID: errors.New("no")}}
	}, howdah.UntilIdle())
	if n := value[int](t, db, "select count(*) from howdah.dead_letters"); err != nil || n != 1 {
		t.Errorf("%v, %d dead letters", err, n)
	}
}

// In an ordered consumer what stands behind a failed event waits for its retry, in the same batch too.
func TestRunOrderedFailure(t *testing.T) {
	db, topic, consumer := open(t, howdah.Ordered())
	publish(t, topic, 6)
	ids := value[[]int64](t, db, "select array_agg(id order by id) from events.things")
	var got []int64
	err := consumer.Run(t.Context(), func(_ context.Context, batch []howdah.Event) error {
		for _, e := range batch {
			if e.ID == ids[1] && e.Attempt == 1 {
				return errors.New("not yet")
			}
		}
		for _, e := range batch {
			got = append(got, e.ID)
		}
		return nil
	}, howdah.UntilIdle())
	if err != nil || !slices.Equal(got, ids) {
		t.Errorf("%v, order %v, not %v", err, got, ids)
	}
}

// Leases are extended while handlers hold all connections of the pool.
func TestRunTxOnAllConnections(t *testing.T) {
	url := testdb.New(t)
	db, topic, _ := openAt(t, url, howdah.Lease(3*time.Second))
	publish(t, topic, 2)
	small, err := howdah.Open(t.Context(), url, howdah.WithMaxConns(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(small.Close)
	var all tally
	err = small.Consumer("worker").RunTx(t.Context(), func(ctx context.Context, _ pgx.Tx, batch []howdah.Event) error {
		until(t, db, "select claimed_at + interval '4 s' < clock_timestamp() from howdah.claims where first_id = $1 and ended_at is null", batch[0].ID)
		if value[bool](t, db, "select min(lease_until) < clock_timestamp() from howdah.open_claims") {
			t.Error("a lease has passed while its handler worked")
		}
		all.add(batch)
		return ctx.Err()
	}, howdah.Workers(2), howdah.Batch(1), howdah.UntilIdle())
	if err != nil {
		t.Error(err)
	}
	all.once(t, 2)
}

// A claim that is lost while it waits for a worker is not begun.
func TestRunLostInTheQueue(t *testing.T) {
	db, topic, consumer := open(t, howdah.Lease(3*time.Second))
	publish(t, topic, 1)
	ctx, stop := context.WithCancel(t.Context())
	release, ended := make(chan struct{}), make(chan error)
	var handled atomic.Int32
	go func() {
		ended <- consumer.Run(ctx, func(context.Context, []howdah.Event) error {
			if handled.Add(1) == 1 {
				<-release
			}
			return nil
		}, howdah.Batch(1))
	}()
	until(t, db, "select count(*) = 1 from howdah.open_claims")
	publish(t, topic, 1)
	until(t, db, "select count(*) = 2 from howdah.open_claims")
	waits := value[int64](t, db, "select max(claim_id) from howdah.open_claims")
	until(t, db, "select exists (select from howdah.extension where claim_id = $1)", waits)
	// It ends as after an operator's seek, for this worker alone.
	if _, err := db.Pool().Exec(t.Context(), "update howdah.claims set ended_at = clock_timestamp(), outcome = 'expired' where claim_id = $1", waits); err != nil {
		t.Fatal(err)
	}
	other := value[int64](t, db, "select min(claim_id) from howdah.open_claims")
	before := value[int](t, db, "select count(*) from howdah.extension where claim_id = $1", other)
	until(t, db, "select count(*) > $2 + 1 from howdah.extension where claim_id = $1", other, before) // the keeper has been round
	close(release)
	until(t, db, "select count(*) = 0 from howdah.open_claims")
	stop()
	if err := <-ended; err != nil || handled.Load() != 1 {
		t.Errorf("%v, %d claims were handled", err, handled.Load())
	}
}

// However short the grace, what a run has claimed is acked or handed back.
func TestRunStopsWithoutGrace(t *testing.T) {
	db, topic, consumer := open(t, howdah.Lease(time.Hour))
	publish(t, topic, 1000)
	var all tally
	for seen := 0; seen < 1000; seen = all.add(nil) {
		ctx, stop := context.WithCancel(t.Context())
		err := consumer.Run(ctx, func(_ context.Context, batch []howdah.Event) error {
			if all.add(batch) >= min(seen+50, 1000) {
				stop()
			}
			return nil
		}, howdah.Workers(2), howdah.Batch(5), howdah.UntilIdle(), howdah.Grace(0))
		stop()
		if err != nil {
			t.Fatal(err)
		}
		if n := value[int](t, db, "select count(*) from howdah.open_claims"); n > 0 {
			t.Fatalf("after %d events %d claims are held by nobody", all.add(nil), n)
		}
	}
}

// Run ends when its DB is closed.
func TestRunEndsWithClose(t *testing.T) {
	db, topic, consumer := open(t)
	publish(t, topic, 1)
	handled, ended := make(chan struct{}), make(chan error)
	go func() {
		ended <- consumer.Run(t.Context(), func(context.Context, []howdah.Event) error { close(handled); return nil })
	}()
	<-handled
	db.Close()
	if err := <-ended; err == nil {
		t.Error("no error")
	}
}

// One connection falls silent just when a lease is to be extended on it: the others do that.
func TestRunSilentKeeper(t *testing.T) {
	p, db, topic, consumer := openProxied(t, howdah.Lease(4*time.Second))
	publish(t, topic, 3)
	p.silence("howdah.extend")
	ctx, stop := context.WithCancel(t.Context())
	finish, ended := make(chan struct{}), make(chan error)
	var all tally
	go func() {
		ended <- consumer.Run(ctx, func(ctx context.Context, batch []howdah.Event) error {
			select {
			case <-finish:
			case <-ctx.Done():
				t.Errorf("the claim of event %d is lost", batch[0].ID)
			}
			all.add(batch)
			return nil
		}, howdah.Workers(3), howdah.Batch(1))
	}()
	<-p.hit
	until(t, db, "select count(*) = 3 and max(claimed_at) + interval '6 s' < clock_timestamp() from howdah.claims where ended_at is null and first_id is not null")
	if k, err := db.Consumer("worker").Claim(t.Context(), 3); k != nil || err != nil {
		t.Errorf("another worker got %v, %v", k, err)
	}
	close(finish)
	until(t, db, "select lag = 0 from howdah.consumers")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	all.once(t, 3)
}

// Acks whose answer is lost may have happened: nobody is told that the claims are lost.
func TestAckWithoutAnswer(t *testing.T) {
	p, db, topic, consumer := openProxied(t)
	publish(t, topic, 10)
	var claims []*howdah.Claim
	for range 10 {
		k, err := consumer.Claim(t.Context(), 1)
		if err != nil || k == nil {
			t.Fatal(k, err)
		}
		claims = append(claims, k)
	}
	p.silence("unnest($1::bigint[]) c (id)")
	var wg sync.WaitGroup
	for _, k := range claims {
		wg.Go(func() {
			if _, err := k.Ack(t.Context()); errors.Is(err, howdah.ErrClaimLost) || err != nil && !howdah.IsTemporary(err) {
				t.Error(err)
			}
		})
	}
	<-p.hit
	until(t, db, "select count(*) > 1 from howdah.claims where outcome = 'acked'")
	p.cut()
	wg.Wait()
}

// A claim whose rows cannot be read is handed back at once.
func TestClaimThatCannotBeRead(t *testing.T) {
	p, db, topic, consumer := openProxied(t, howdah.Lease(time.Hour))
	publish(t, topic, 5)
	p.silence("enable_seqscan")
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-p.hit; stop() }()
	if k, err := consumer.Claim(ctx, 5); err == nil {
		t.Errorf("claim %v", k)
	}
	until(t, db, "select count(*) = 0 from howdah.open_claims")
}

// All connections break while a run stops: what it has not begun is handed back all the same.
func TestRunHandsBackOverANewConnection(t *testing.T) {
	p, db, topic, consumer := openProxied(t, howdah.Lease(3*time.Second))
	publish(t, topic, 48)
	ctx, stop := context.WithCancel(t.Context())
	begun, finish, ended := make(chan struct{}, 48), make(chan struct{}), make(chan error)
	go func() {
		ended <- consumer.Run(ctx, func(context.Context, []howdah.Event) error {
			begun <- struct{}{}
			if len(begun) > 40 {
				<-finish
			}
			return nil
		}, howdah.Workers(2), howdah.Batch(1))
	}()
	// The process has the answers to all its claims when it has extended them: one whose answer gets lost would be nobody's.
	until(t, db, `select waiting = 0 and in_flight = 8 and not exists (select from howdah.open_claims o
		where o.claim_id not in (select claim_id from howdah.extension)) from howdah.consumers`)
	p.cut()
	stop()
	close(finish)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	until(t, db, "select count(*) = 0 from howdah.open_claims")
}

// A statement that was prepared before an upgrade changed what it returns fails once: Run tries again, as others may.
func TestIsTemporaryAfterAnUpgrade(t *testing.T) {
	db, _, _ := open(t)
	conn, err := db.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	ask := func() error { return conn.QueryRow(t.Context(), "select * from answer()").Scan(new(int)) }
	for _, sql := range []string{"create function answer() returns int language sql as 'select 42'", "", "drop function answer()",
		"create function answer() returns bigint language sql as 'select 42::bigint'"} {
		if sql == "" {
			err = ask()
		} else {
			_, err = conn.Exec(t.Context(), sql)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := ask(); !howdah.IsTemporary(err) {
		t.Errorf("%v is not temporary", err)
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
}

// The commit of a part of a claim gets no answer: its effects are there once.
func TestRunTxPartWithoutAnswer(t *testing.T) {
	p, db, topic, consumer := openProxied(t)
	publish(t, topic, 4)
	if _, err := db.Pool().Exec(t.Context(), "create table effects (id bigint)"); err != nil {
		t.Fatal(err)
	}
	p.silence("commit\x00")
	go func() {
		<-p.hit
		for value[int](t, db, "select count(*) from effects") < 2 { // it has happened
		}
		p.cut()
	}()
	tries := 0
	err := consumer.RunTx(t.Context(), func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
		if tries++; len(batch) == 4 {
			return errors.New("too many")
		}
		for _, e := range batch {
			if _, err := tx.Exec(ctx, "insert into effects values ($1)", e.ID); err != nil {
				return err
			}
		}
		return nil
	}, howdah.UntilIdle())
	if err != nil {
		t.Error(err)
	}
	if n := value[int](t, db, "select count(*) from effects"); n != 4 || tries != 4 {
		t.Errorf("%d effects of 4 events, %d tries", n, tries)
	}
}
