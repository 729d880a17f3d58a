package prove_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// D1: every id is in one place, whatever seek, replay and redrive meet.
func TestEveryIDIsInOnePlace(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	c := b.consumer("c", "t", howdah.MaxAttempts(1))
	b.publish("t", 100)
	open := b.claim(c, 10)   // 1..10 open
	failed := b.claim(c, 10) // 11..20: 15 dead, the rest acked
	_, err := failed.Nack(b.ctx, "broken", 15)
	b.must(err)
	b.ack(failed)
	back := b.claim(c, 10) // 21..30 pending
	b.must(back.Release(b.ctx))

	b.must(c.Replay(b.ctx, 1, 60)) // only 11..20 without 15
	b.check()
	var got []int64
	for k := b.claim(c, 100); k != nil && k.Events[0].ID <= 30; k = b.claim(c, 100) {
		got = append(got, idsOf(k)...)
		b.ack(k)
		if len(got) > 60 {
			break
		}
	}
	slices.Sort(got)
	for i := int64(1); i <= 30; i++ {
		want := i > 10 && i != 15
		if slices.Contains(got, i) != want {
			t.Errorf("id %d delivered after replay: %v", i, !want)
		}
	}
	n, err := c.Redrive(b.ctx)
	b.must(err)
	b.want("redriven", n, 1)
	b.check()

	b.must(c.Seek(b.ctx, "earliest"))
	b.check()
	if _, err := open.Ack(b.ctx); !errors.Is(err, howdah.ErrClaimLost) {
		t.Errorf("the ack of a claim that seek ended: %v", err)
	}
	all := b.drain(c, 7)
	want := make([]int64, 100)
	for i := range want {
		want[i] = int64(i + 1)
	}
	if !slices.Equal(all, want) {
		t.Errorf("after seek to earliest: %v", all)
	}
}

// D2: an ordered consumer hands out nothing of a partition while something of it failed and waits.
func TestOrderedWaitsForItsRetry(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	c := b.consumer("c", "t", howdah.Ordered(), howdah.MaxAttempts(2))
	b.publish("t", 10)
	k := b.claim(c, 5)
	if k2 := b.claim(c, 5); k2 != nil {
		t.Fatalf("two claims of one partition: %v", idsOf(k2))
	}
	b.ack(k, 1, 2)
	_, err := k.Retry(b.ctx, "later", time.Hour, 3)
	b.must(err)
	b.ack(k)
	if k := b.claim(c, 5); k != nil {
		t.Fatalf("claimed %v while 3 waits for its retry", idsOf(k))
	}
	b.run("update howdah.pending set due = now(), queue_at = now() where queue_at is not null")
	k = b.claim(c, 5)
	if !slices.Equal(idsOf(k), []int64{3}) {
		t.Fatalf("got %v, want 3", idsOf(k))
	}
	_, err = k.Nack(b.ctx, "for good")
	b.must(err)
	b.want("dead letters", b.number("select count(*) from howdah.dead_letters"), 1)
	if ids := b.drain(c, 5); !slices.Equal(ids, []int64{6, 7, 8, 9, 10}) {
		t.Errorf("after the dead letter: %v", ids)
	}
}

// D3: extend meets neither an uncommitted ack nor the isolation level of the worker's transaction.
func TestExtendAndAckAtRepeatableRead(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.run("create table effects (id bigint)")
	b.publish("t", 30)
	c := b.consumer("c", "t", howdah.Lease(300*time.Millisecond))
	for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
		k := b.claim(c, 10)
		b.must(pgx.BeginTxFunc(b.ctx, b.db.Pool(), pgx.TxOptions{IsoLevel: level}, func(tx pgx.Tx) error {
			if _, err := tx.Exec(b.ctx, "insert into effects select 1"); err != nil {
				return err
			}
			if _, err := k.Extend(b.ctx, time.Minute); err != nil {
				return err
			}
			if _, err := k.AckTx(b.ctx, tx); err != nil {
				return err
			}
			patient, cancel := context.WithTimeout(b.ctx, 2*time.Second)
			defer cancel()
			_, err := k.Extend(patient, time.Minute) // while the ack is not committed
			return err
		}))
	}
	// A handler that works longer than its lease, at REPEATABLE READ.
	runs := 0
	b.must(c.RunTx(b.ctx, func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
		runs++
		_, err := tx.Exec(ctx, "insert into effects select 1 from pg_sleep(1)")
		return err
	}, howdah.UntilIdle(), howdah.TxOptions(pgx.TxOptions{IsoLevel: pgx.RepeatableRead})))
	b.want("runs of the handler", int64(runs), 1)
	b.want("effects", b.number("select count(*) from effects"), 3)
}

// S2: a claim cannot be settled in the transaction that made it, in any way.
func TestAckInTheTransactionThatClaimed(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 10)
	b.consumer("c", "t")
	for _, settle := range []string{"howdah.ack(claim_id)", "howdah.nack(claim_id)", "howdah.ack(claim_id, array[id])"} {
		conn := b.conn()
		b.on(conn, "begin")
		_, err := conn.Exec(b.ctx, "with k as materialized (select * from howdah.claim('c', 3) limit 1) select "+settle+" from k")
		b.refused(err, "25000", "transaction that claimed", "Commit after the claim")
		b.on(conn, "rollback", "begin")
		var id int64
		b.must(conn.QueryRow(b.ctx, "select max(claim_id) from howdah.claim('c', 3)").Scan(&id))
		_, err = conn.Exec(b.ctx, "select "+strings.NewReplacer("claim_id", itoa(int(id)), "[id]", "[1]").Replace(settle))
		b.refused(err, "25000", "transaction that claimed")
		b.on(conn, "rollback")
	}
}
