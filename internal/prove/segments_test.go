package prove_test

import (
	"fmt"
	"testing"
	"time"
)

// B2: what arrives while no upkeep runs is caught by the DEFAULT partition, and is delivered: before upkeep comes back,
// and after it has made segments above.
func TestEventsWithoutUpkeepAreDelivered(t *testing.T) {
	b := fresh(t)
	b.run("update howdah.setting set value = '1000' where name = 'segment_ids'", "select howdah.create_topic('t', 1, '1 day')")
	slow, quick := b.consumer("slow", "t"), b.consumer("quick", "t")
	b.publish("t", 5000)
	b.want("events without upkeep", int64(len(b.drain(quick, 700))), 5000)
	b.must(b.db.Upkeep(b.ctx))
	b.publish("t", 1500)
	b.want("events after upkeep", int64(len(b.drain(quick, 700))), 1500)
	b.want("events to a consumer that was behind", int64(len(b.drain(slow, 700))), 6500)
	b.must(b.db.Upkeep(b.ctx))
	b.publish("t", 4000)
	b.want("more events", int64(len(b.drain(slow, 700))), 4000)
}

// B2: upkeep makes segments while a producer is open, and no producer waits for it.
func TestSegmentsUnderAnOpenProducer(t *testing.T) {
	b := fresh(t)
	b.run("update howdah.setting set value = '1000' where name = 'segment_ids'", "select howdah.create_topic('t', 1, '1 day')")
	c := b.consumer("c", "t")
	open, other := b.conn(), b.conn()
	b.on(open, "begin", "insert into events.t (payload) values ('1')")
	before := b.number("select count(*) from howdah.segment")
	b.publish("t", 1200)
	began := time.Now()
	b.must(b.db.Upkeep(b.ctx))
	b.on(other, "set statement_timeout = '500ms'", "insert into events.t (payload) values ('2')")
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("upkeep and an insert took %s under an open producer", d)
	}
	if after := b.number("select count(*) from howdah.segment"); after <= before {
		t.Errorf("no segment was made: %d before, %d after", before, after)
	}
	if k := b.claim(c, 100); k != nil {
		t.Errorf("claimed %v above an open producer", idsOf(k))
	}
	b.on(open, "commit")
	b.want("events", int64(len(b.drain(c, 500))), 1202)
}

// C1: a claim reads one segment, however many there are.
func TestManySegments(t *testing.T) {
	b := fresh(t)
	b.run("update howdah.setting set value = '100' where name = 'segment_ids'", "select howdah.create_topic('t', 1, '1 day')")
	c := b.consumer("c", "t")
	b.publish("t", 95)
	few := b.cost("c", 3)
	for range pick(60, 400) {
		b.publish("t", 100)
		b.must(b.db.Upkeep(b.ctx))
	}
	n := b.number("select count(*) from howdah.segment")
	many := b.cost("c", 3)
	t.Logf("blocks of a claim: %d with few segments, %d with %d", few, many, n)
	if many > 3*few+100 {
		t.Errorf("a claim touches %d blocks with %d segments, %d with few", many, n, few)
	}
	// A plan over all segments locks each of them.
	tx, err := b.db.Pool().Begin(b.ctx)
	b.must(err)
	defer func() { _ = tx.Rollback(b.ctx) }()
	var locks int64
	_, err = tx.Exec(b.ctx, "select * from howdah.reserve('c', 10)")
	b.must(err)
	b.must(tx.QueryRow(b.ctx, `select count(*) from pg_locks l join pg_class c on c.oid = l.relation
		where l.pid = pg_backend_pid() and c.relname ~ '^topic_[0-9]+_[0-9]+$'`).Scan(&locks))
	if locks > 4 {
		t.Errorf("a claim locks %d segments of %d", locks, n)
	}
	b.must(tx.Rollback(b.ctx))
	k, err := c.Claim(b.ctx, 1000)
	b.must(err)
	if len(k.Events) == 0 || k.Events[0].ID/100 != k.Events[len(k.Events)-1].ID/100 && (k.Events[len(k.Events)-1].ID-1)/100 != (k.Events[0].ID-1)/100 {
		t.Errorf("a claim of %d..%d crosses a segment's border", k.Events[0].ID, k.Events[len(k.Events)-1].ID)
	}
	b.ack(k)
}

// Retention keeps what a consumer still needs, and lets the rest go; the hard limit in bytes is loud.
func TestRetentionKeepsWhatIsNeeded(t *testing.T) {
	b := fresh(t)
	b.run("update howdah.setting set value = '500' where name = 'segment_ids'", "select howdah.create_topic('t', 1, '1 ms')")
	c := b.consumer("c", "t")
	for range 6 {
		b.publish("t", 300)
		b.must(b.db.Upkeep(b.ctx))
	}
	b.want("events kept for a consumer that has read none", b.number("select count(*) from events.t"), 1800)
	b.want("events read", int64(len(b.drain(c, 400))), 1800)
	b.must(b.db.Upkeep(b.ctx))
	if n := b.number("select count(*) from events.t"); n >= 1800 {
		t.Errorf("%d events are kept that nobody needs", n)
	}
	b.publish("t", 3000)
	b.must(b.db.Upkeep(b.ctx))
	k := b.claim(c, 100)
	b.run("select howdah.alter_topic('t', max_bytes => 8192)")
	b.must(b.db.Upkeep(b.ctx))
	if _, err := k.Ack(b.ctx); err == nil {
		t.Error("an ack of events that are gone was taken")
	}
	if b.number("select count(*) from howdah.claims where outcome = 'lost' and lease_until is null") == 0 {
		t.Error("events were lost to the hard limit, and no range says so")
	}
	b.drain(c, 400)
	b.want("what is waiting then", b.number(fmt.Sprintf("select waiting from howdah.consumers where consumer = '%s'", c.Name())), 0)
}
