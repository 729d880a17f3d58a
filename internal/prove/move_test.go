package prove_test

import (
	"slices"
	"testing"

	"github.com/howdah/howdah"
)

// 7.6: after a dump and a restore into a new cluster every consumer goes on where it was.
func TestDumpAndRestore(t *testing.T) {
	b := fresh(t)
	b.run("update howdah.setting set value = '100' where name = 'segment_ids'",
		"select howdah.create_topic('plain'), howdah.create_topic('parts', 4), howdah.create_topic('kept', 1, '1 day'), howdah.create_topic('unused')",
		"create table public.raw (id serial primary key, data jsonb not null)", "insert into public.raw (data) select '{}' from generate_series(1, 50)")
	_, err := b.db.AdoptTopic(b.ctx, "adopted", "public.raw", "id", "data", "")
	b.must(err)
	want := map[string][]int64{}
	open := map[string]*howdah.Claim{}
	for _, topic := range []string{"plain", "parts", "kept", "adopted"} {
		if topic != "adopted" {
			b.publish(topic, 250)
		}
		c := b.consumer("of."+topic, topic, howdah.MaxAttempts(2))
		b.ack(b.claim(c, 20))
		k := b.claim(c, 10)
		if _, err := k.Retry(b.ctx, "later", 0, k.Events[3].ID); err != nil {
			t.Fatal(err)
		}
		b.ack(k)
		again := b.claim(c, 1) // the retry, which dies
		if _, err := again.Nack(b.ctx, "dead"); err != nil {
			t.Fatal(err)
		}
		open[topic] = b.claim(c, 10)
		rest := b.claim(c, 5)
		b.must(rest.Release(b.ctx))
	}
	b.consumer("of.unused", "unused")
	b.check()
	for _, topic := range []string{"plain", "parts", "kept", "adopted"} {
		table := "events." + topic
		if topic == "adopted" {
			table = "public.raw"
		}
		want[topic] = b.committed(table)[40:] // 20 acked, 10 of which one died, 10 open
	}

	dump := b.tool(t, nil, "pg_dump", b.name)
	to := privateCluster(t)
	to.tool(t, nil, "createdb", "moved")
	to.tool(t, dump, "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", "moved")
	n := &bench{TB: t, cluster: to, ctx: b.ctx, name: "moved", url: to.url("moved")}
	n.open()
	t.Cleanup(func() { n.check(); n.db.Close() })
	n.check()
	for topic, ids := range want {
		c := n.db.Consumer("of." + topic)
		got := n.drain(c, 30)
		slices.Sort(got)
		if !slices.Equal(got, ids) {
			t.Errorf("topic %s: %d events after the restore, want %d: %v", topic, len(got), len(ids), got)
		}
		n.want("dead letters of "+topic, n.number("select count(*) from howdah.dead_letters where consumer = $1", "of."+topic), 1)
		// The worker that held a claim at the time of the dump may finish it in the new cluster, once.
		n.want("acked of the open claim", n.number("select howdah.ack($1)", open[topic].ID), 10)
		n.want("lag of "+topic, n.number("select lag from howdah.consumers where consumer = $1", "of."+topic), 0)
	}
	for topic := range want {
		if topic == "adopted" {
			n.run("insert into public.raw (data) values ('{}')")
		} else {
			n.publish(topic, 3)
		}
		if got := n.drain(n.db.Consumer("of."+topic), 10); len(got) == 0 {
			t.Errorf("topic %s: nothing new is delivered after the restore", topic)
		}
	}
	first := n.conn()
	n.on(first, "begin", "insert into events.unused (payload) values ('1')")
	n.publish("unused", 1)
	if k := n.claim(n.db.Consumer("of.unused"), 10); k != nil {
		t.Errorf("claimed %v above the first event of a restored topic", idsOf(k))
	}
	n.on(first, "commit")
	n.want("events of the topic that was unused", int64(len(n.drain(n.db.Consumer("of.unused"), 10))), 2)
	_, err = n.db.Pool().Exec(n.ctx, "insert into events.plain (id, payload) values (-1, '1')")
	n.refused(err, "HW003")
	n.must(n.db.Upkeep(n.ctx))

	// Data alone into a topic that exists is refused, loudly: the guard stands.
	data := b.tool(t, nil, "pg_dump", "--data-only", "-t", "events.plain", b.name)
	b.must(b.db.DropConsumer(b.ctx, "of.plain"))
	b.run("delete from events.plain")
	b.refusedTool(data, "was not drawn by this INSERT")
}
