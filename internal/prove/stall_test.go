package prove_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah"
)

// S1: a claim in a transaction that goes on holds the consumer; the next claim says who blocks, after about a second, or its lock_timeout.
func TestClaimInAHeldTransaction(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 100)
	c := b.consumer("c", "t")
	held := b.conn()
	b.on(held, "begin", "select count(*) from howdah.claim('c', 10)")
	began := time.Now()
	_, err := c.Claim(b.ctx, 10)
	took := time.Since(began)
	b.refused(err, "55P03", "'c' is busy", fmt.Sprint("process ", held.PgConn().PID()), "autocommit")
	if took < 900*time.Millisecond || took > 4*time.Second {
		t.Errorf("the error came after %s, not after about 1 s", took)
	}
	b.want("lock_timeout of a claimer afterwards is unchanged", b.number("select (current_setting('lock_timeout') = '0')::int"), 1)
	patient := b.conn()
	b.on(patient, "set lock_timeout = '20 ms'")
	_, err = patient.Exec(b.ctx, "select howdah.reserve('c')")
	b.refused(err, "55P03", "waited 20ms")
	b.on(held, "rollback")
	b.want("events", int64(len(b.drain(c, 50))), 100)
}

// S1: a batch is cut at 4 MiB of payload, but has one event at least.
func TestBatchIsCutBySize(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	c := b.consumer("c", "t")
	b.run("insert into events.t (payload) select to_json(repeat('x', 100000)) from generate_series(1, 100)",
		"insert into events.t (payload) values (to_json(repeat('y', 5000000))), ('1')")
	if k := b.claim(c, 100); len(k.Events) < 40 || len(k.Events) > 42 {
		t.Errorf("a claim has %d events of 100 kB, want about 41", len(k.Events))
	} else {
		b.ack(k)
	}
	b.want("the rest", int64(len(b.drain(c, 100))), 102-41)
}

// S3: a worker whose ack is not committed when its lease passes does not hold up the others.
func TestExpirySkipsAnUncommittedAck(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 100)
	c := b.consumer("c", "t")
	k := b.claim(c, 10, howdah.ClaimLease(20*time.Millisecond))
	worker := b.conn()
	b.on(worker, "begin", fmt.Sprintf("select howdah.ack(%d)", k.ID), "select pg_sleep(0.05)")
	began := time.Now()
	next := b.claim(c, 10)
	if d := time.Since(began); d > 900*time.Millisecond {
		t.Errorf("the next claim took %s", d)
	}
	if next == nil || next.Events[0].ID != 11 {
		t.Errorf("the next claim is %v, want 11 to 20", idsOf(next))
	}
	b.on(worker, "commit")
	b.ack(next)
	b.want("the rest", int64(len(b.drain(c, 50))), 80)
}

// S4: advisory locks of a stranger stop neither topic nor consumer.
func TestStrangersLocks(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 100)
	role := "stranger_" + b.name
	b.run("create role "+role, "grant connect on database "+b.name+" to "+role)
	c := b.consumer("c", "t")
	stranger := b.conn()
	class := b.number("select classid::bigint from (select classid from pg_locks where false union all select (1224736768 + number)::oid from howdah.topic) x")
	b.on(stranger, "set role "+role,
		fmt.Sprintf("select pg_advisory_lock_shared(%d, 5)", class), // a mark at 5
		fmt.Sprintf("select pg_advisory_lock(%d, 100)", class),      // the next mark
		fmt.Sprintf("select pg_advisory_lock(%d, 99)", class))
	b.want("stable id under a stranger's mark", b.number("select howdah.stable_id('t')"), 100)
	producer := b.conn()
	b.on(producer, "set statement_timeout = '2s'", "begin", "insert into events.t (payload) values ('1')")
	b.want("open producers", b.number("select count(*) from howdah.open_producers"), 1)
	mark := b.number("select low_mark from howdah.open_producers")
	if mark > 98 {
		t.Errorf("the producer's mark is %d, want one below 99", mark)
	}
	b.want("events below the producer", int64(len(b.drain(c, 1000))), mark)
	b.on(producer, "commit")
	b.want("the others", int64(len(b.drain(c, 1000))), 101-mark)

	// A stranger cannot put the mark trigger on a table of his own.
	b.run("create schema his authorization " + role)
	b.on(stranger, "create table his.x (id bigint)")
	_, err := stranger.Exec(b.ctx, "create trigger x before insert on his.x for each statement execute function howdah.take_mark_1()")
	b.refused(err, "42501")
	// Nor fill every lower mark: the far ones are taken at random.
	b.on(stranger, fmt.Sprintf("select pg_advisory_lock(%d, i) from generate_series(40, 101) i", class))
	b.on(producer, "insert into events.t (payload) values ('2')")
	b.want("the last event", int64(len(b.drain(c, 10))), 1)
}

// S5: a forgotten producer is ended by its own transaction's time-out, and only by that; a prepared one is shown.
func TestForgottenProducer(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.run("select howdah.alter_topic('t', idle_timeout => '1 s')")
	c := b.consumer("c", "t")
	forgotten, bystander := b.conn(), b.conn()
	b.on(bystander, "begin", "select 1")
	b.on(forgotten, "begin", "insert into events.t (payload) values ('1')")
	b.publish("t", 10)
	if k := b.claim(c, 10); k != nil {
		t.Fatalf("claimed %v above an open producer", idsOf(k))
	}
	var ids []int64
	b.until("the forgotten producer to be ended", func() bool { ids = append(ids, b.drain(c, 10)...); return len(ids) > 0 })
	b.want("events", int64(len(ids)), 10)
	b.on(bystander, "select 1", "commit")
	if _, err := forgotten.Exec(b.ctx, "commit"); err == nil {
		t.Error("the forgotten producer could still commit")
	}
	producer := b.conn()
	b.on(producer, "begin", "insert into events.t (payload) values ('1')", "commit")
	b.want("the time-out after a commit is unchanged", b.number("select (current_setting('idle_in_transaction_session_timeout') = '0')::int"), 1)
	b.on(producer, "begin", "insert into events.t (payload) values ('1')", "prepare transaction '"+b.name+"'")
	b.publish("t", 1)
	b.want("prepared producers that are shown", b.number("select count(*) from howdah.open_producers where pid is null and gid = $1", b.name), 1)
	b.want("events below the prepared one", int64(len(b.drain(c, 10))), 1)
	b.on(producer, "commit prepared '"+b.name+"'")
	b.want("the others", int64(len(b.drain(c, 10))), 2)
}

// S6: sleeping workers are woken by a commit, also that of a producer that had looked at the flag before it was up.
func TestWakeUps(t *testing.T) {
	c := privateCluster(t) // max_prepared_transactions is 0: producers notify
	b := c.fresh(t)
	b.topic("t")
	b.consumer("c", "t")
	other := *b
	other.open() // another process, as far as flags go
	defer other.db.Close()
	got := make(chan int64, 100)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	ended := make(chan error, 2)
	for _, db := range []*howdah.DB{b.db, other.db} {
		go func() {
			ended <- db.Consumer("c").Run(ctx, func(_ context.Context, batch []howdah.Event) error {
				for _, e := range batch {
					got <- e.ID
				}
				return nil
			}, howdah.Workers(2))
		}()
	}
	flag := func() bool {
		return b.number("select count(*) from pg_locks where locktype = 'advisory' and classid = 1213159169 and mode = 'ExclusiveLock'") > 0
	}
	receive := func(what string) {
		t.Helper()
		select {
		case <-got:
		case <-time.After(20 * time.Second):
			t.Fatalf("no event after %s", what)
		}
	}
	for range 5 {
		b.until("a worker to sleep with its flag up", flag)
		began := time.Now()
		b.publish("t", 1)
		receive("a commit")
		if d := time.Since(began); d > 1500*time.Millisecond {
			t.Errorf("a sleeping worker needed %s to see an event; polling alone takes 2 s", d)
		}
	}
	// A COPY that has marked, and waits for its first row; workers must not sleep over it.
	conn := b.conn()
	r, w := pipe()
	copied := make(chan error, 1)
	go func() {
		_, err := conn.PgConn().CopyFrom(b.ctx, r, "copy events.t (payload) from stdin")
		copied <- err
	}()
	b.until("the COPY to mark", func() bool { return b.number("select count(*) from howdah.open_producers") == 1 })
	if b.number("select count(*) from howdah.watch('c') where marked") != 1 {
		t.Error("a producer that has drawn no id yet does not count as open: a worker goes to sleep, and nobody wakes it")
	}
	b.must(write(w, strings.Repeat("1\n", 3)))
	b.must(w.Close())
	b.must(<-copied)
	for range 3 {
		receive("a COPY that began before the worker slept")
	}
	cancel()
	b.must(<-ended)
	b.must(<-ended)
}

// S7: a hole of a million ids that were rolled back is crossed by one claim, which then finds the events behind it.
func TestHole(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 10)
	c := b.consumer("c", "t")
	b.ack(b.claim(c, 10))
	conn := b.conn()
	b.on(conn, "begin", fmt.Sprintf("insert into events.t (payload) select '1' from generate_series(1, %d)", pick(200_000, 1_000_000)), "rollback")
	if !*long {
		b.run("select setval('events.t_id_seq', 1000010)")
	}
	b.publish("t", 10)
	k := b.claim(c, 100)
	if k == nil || len(k.Events) != 10 || k.Events[0].ID != 1_000_011 {
		t.Fatalf("over the hole: %v", idsOf(k))
	}
	b.ack(k)
	b.on(conn, "begin", "insert into events.t (payload) select '1' from generate_series(1, 20000)", "rollback")
	if k := b.claim(c, 100); k != nil {
		t.Fatalf("claimed %v from a hole", idsOf(k))
	}
	if n := b.cost("c", 100); n > 200 {
		t.Errorf("a claim walks the hole again: %d blocks", n)
	}
}

// S6: where two-phase commit is possible a producer never notifies, because then it could not prepare; sleeping workers
// poll, and see its events.
func TestSleepersAndTwoPhaseCommit(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	c := b.consumer("c", "t")
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	got, ended := make(chan int64, 10), make(chan error, 1)
	go func() {
		ended <- c.Run(ctx, func(_ context.Context, batch []howdah.Event) error {
			for _, e := range batch {
				got <- e.ID
			}
			return nil
		})
	}()
	producer := b.conn()
	for i := range 3 {
		gid := fmt.Sprint(b.name, "-", i)
		b.on(producer, "begin", "insert into events.t (payload) values ('1')", "prepare transaction '"+gid+"'", "commit prepared '"+gid+"'")
		select {
		case <-got:
		case err := <-ended:
			t.Fatalf("Run ended: %v", err)
		case <-time.After(20 * time.Second):
			t.Fatal("a prepared producer's event did not arrive")
		}
	}
	cancel()
	b.must(<-ended)
}

// C7: a window far up in the log does not read what lies below it, claim after claim.
func TestWindowFarUp(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	c := b.consumer("c", "t")
	n := pick(40_000, 2_000_000)
	b.publish("t", n)
	from := b.number("select (extract(epoch from clock_timestamp()) * 1000)::bigint + 1")
	b.until("the clock to go on", func() bool {
		return b.number("select (extract(epoch from clock_timestamp()) * 1000)::bigint") > from
	})
	b.publish("t", 500)
	b.run("vacuum analyze events.t", "select brin_summarize_new_values(indexrelid) from pg_index i join pg_class k on k.oid = i.indexrelid "+
		"join pg_am a on a.oid = k.relam where indrelid = 'events.t'::regclass and amname = 'brin'")
	at := time.UnixMilli(from)
	for got := 0; got < 500; {
		k := b.claim(c, 100, howdah.Between(at, time.Time{}))
		if k == nil {
			t.Fatalf("%d events in the window, want 500", got)
		}
		if k.Events[0].ID <= int64(n) {
			t.Fatalf("claimed %d, from before the window", k.Events[0].ID)
		}
		got += len(k.Events)
		b.ack(k)
	}
	if k := b.claim(c, 100, howdah.Between(at, time.Time{})); k != nil {
		t.Fatalf("claimed %v again", idsOf(k))
	}
	conn := b.conn()
	sql := fmt.Sprintf("select * from howdah.reserve('c', 100, from_time => to_timestamp(%d / 1000.0))", from)
	for range 8 {
		b.blocks(conn, sql)
	}
	pages := b.number("select relpages from pg_class where oid = 'events.t'::regclass")
	if looked := b.blocks(conn, sql); looked > pages/2+100 {
		t.Errorf("a window at the top of %d pages touches %d blocks", pages, looked)
	} else {
		t.Logf("a window at the top of %d pages touches %d blocks", pages, looked)
	}
	b.want("what the window left", int64(len(b.drain(c, 10000))), int64(n))
}
