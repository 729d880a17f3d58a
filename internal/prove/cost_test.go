package prove_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// cost is the median of the blocks that a claim of n events touches, on a connection that has its plans.
func (b *bench) cost(consumer string, n int) int64 {
	b.Helper()
	const warm, measured = 8, 9
	conn := b.conn()
	var all []int64
	for range warm + measured {
		before := b.number("select coalesce(max(claim_id), 0) from howdah.claims")
		all = append(all, b.blocks(conn, fmt.Sprintf("select * from howdah.reserve('%s', %d)", consumer, n)))
		b.run(fmt.Sprintf("select howdah.ack(claim_id) from howdah.claims where claim_id > %d and ended_at is null and first_id is not null", before))
	}
	all = all[warm:]
	slices.Sort(all)
	return all[measured/2]
}

// flat wants the cost of a claim to stay what it was.
func (b *bench) flat(what string, before, after int64) {
	b.Helper()
	b.Logf("blocks of a claim: %d at first, %d with %s", before, after, what)
	if after > 2*before+60 {
		b.Errorf("a claim touches %d blocks with %s, %d without", after, what, before)
	}
}

// 7.5: a stuck claim at the bottom, and many finished claims above it.
func TestStuckClaimAtTheBottom(t *testing.T) {
	b := fresh(t)
	n := pick(4000, 100_000)
	b.topic("t")
	b.publish("t", n+500)
	c := b.consumer("c", "t", howdah.Lease(time.Hour))
	stuck := b.claim(c, 1)
	before := b.cost("c", 5)
	b.run("do $$ declare k bigint; begin for i in 1.." + itoa(n) + ` loop
		select claim_id into k from howdah.reserve('c', 1); commit; perform howdah.ack(k); commit; end loop; end $$`)
	b.flat(fmt.Sprint(n, " finished claims above a stuck one"), before, b.cost("c", 5))
	var hot int64
	b.until("statistics", func() bool {
		hot = b.number("select case when n_tup_upd < $1 then -1 else 100 * n_tup_hot_upd / n_tup_upd end from pg_stat_user_tables where relname = 'claims'", n*9/10)
		return hot >= 0
	})
	t.Logf("%d %% of the claims' ends were HOT", hot)
	if hot < 80 {
		t.Errorf("only %d %% of the claims' ends were HOT", hot)
	}
	if size := b.number("select max(cardinality(open)) from howdah.claims"); size > 64 {
		t.Errorf("a state row lists %d open claims", size)
	}
	if open := b.number("select open_claims from howdah.consumers"); open != 1 {
		t.Errorf("%d claims are open, want the stuck one", open)
	}
	b.ack(stuck)
	b.drain(c, 1000)
	b.want("lag", b.number("select lag from howdah.consumers"), 0)
}

// 7.4: a snapshot is held for the whole run, 10,000 events fail, upkeep runs: all is finished in the end, and what a
// claim touches stays flat, though not one dead row can be cleaned away.
func TestHeldSnapshotAndFailingEvents(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.run("update howdah.setting set value = '500' where name = 'history_claims'")
	const events = 10_000
	c := b.consumer("c", "t")
	b.consumer("probe", "t")
	b.publish("t", 500)
	analyst := b.conn()
	b.on(analyst, "begin isolation level repeatable read", "select count(*) from events.t")
	b.publish("t", events)
	before := b.cost("probe", 5)

	up, stop := context.WithCancel(b.ctx)
	defer stop()
	var keeper sync.WaitGroup
	keeper.Go(func() {
		for up.Err() == nil {
			if err := b.db.Upkeep(b.ctx); err != nil {
				t.Errorf("upkeep: %v", err)
				return
			}
		}
	})
	failed := errors.New("first attempt fails")
	var mu sync.Mutex
	done := map[int64]int{}
	// Every event fails at its first attempt, at once due again.
	var failing sync.WaitGroup
	for range 3 {
		failing.Go(func() {
			for {
				k, err := c.Claim(b.ctx, 50)
				if errors.Is(err, howdah.ErrBusy) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if k == nil {
					if b.number("select waiting + in_flight + pending from howdah.consumers where consumer = 'c'") == 0 {
						return
					}
					continue
				}
				for _, e := range k.Events {
					if e.Attempt == 1 {
						if _, err := k.Retry(b.ctx, failed.Error(), 0, e.ID); err != nil {
							t.Error(err)
							return
						}
						continue
					}
					mu.Lock()
					done[e.ID]++
					mu.Unlock()
				}
				if k.Events[0].Attempt > 1 {
					b.ack(k)
				}
			}
		})
	}
	failing.Wait()
	stop()
	keeper.Wait()
	b.want("events that were done after failing", int64(len(done)), events+500)
	for id, n := range done {
		if n > 1 {
			t.Fatalf("event %d was done %d times", id, n)
		}
	}
	b.publish("t", 200)
	b.flat("10,000 retries under a held snapshot", before, b.cost("c", 5))
	b.drain(c, 1000)
	b.flat("nothing to claim", before, b.cost("c", 5))
	b.on(analyst, "commit")
	b.drain(b.db.Consumer("probe"), 1000)
}

// C4: a backlog is consumed from the stable id that was seen, without a look at the lock table for each claim.
func TestBacklogWithoutLookingAtLocks(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 5000)
	c := b.consumer("c", "t")
	b.ack(b.claim(c, 10))
	open := b.conn() // from now on the stable id cannot grow, and asking for it is an error
	b.on(open, "begin", "insert into events.t (payload) values ('1')")
	b.run(`create or replace function howdah.marks(topic int) returns table (pid int, since timestamptz, low_mark bigint, gid text)
		language plpgsql as $$ begin raise exception 'looked at the locks'; end $$`,
		`create or replace function howdah.stable(t howdah.topic, out stable bigint, out drawn bigint, out marked boolean)
		language plpgsql as $$ begin raise exception 'looked at the locks'; end $$`)
	n := 10
	for ; n+100 <= 4900; n += 100 {
		b.ack(b.claim(c, 100))
	}
	b.on(open, "rollback")
	tx, err := b.db.Pool().BeginTx(b.ctx, pgx.TxOptions{})
	b.must(err)
	_, err = tx.Exec(b.ctx, "select * from howdah.reserve('c', 1000)")
	b.refused(err, "P0001", "looked at the locks") // the test of the test
	b.must(tx.Rollback(b.ctx))
}

// C5: acks of parts are a bit string: each is cheap, in any order.
func TestScatteredAcks(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 2000)
	c := b.consumer("c", "t")
	k := b.claim(c, 2000)
	r := random(t)
	for i, at := range r.Perm(2000) {
		b.ack(k, k.Events[at].ID)
		if i == 1000 {
			b.check()
			b.want("in flight", b.number("select in_flight from howdah.consumers"), 999)
		}
	}
	b.want("lag", b.number("select lag from howdah.consumers"), 0)
}
