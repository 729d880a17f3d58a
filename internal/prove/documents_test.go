package prove_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/howdah/howdah"
)

// TestMoveDocuments: a collection that is dumped and restored into another cluster has its documents and their history, answers as
// before, and goes on: versions count on, history is kept, changes are published.
func TestMoveDocuments(t *testing.T) {
	b := fresh(t)
	c, err := b.db.CreateCollection(b.ctx, "customers", howdah.PublishChanges("changes"))
	b.must(err)
	for i := range 3 {
		_, err = c.Put(b.ctx, "c1", map[string]int{"n": i})
		b.must(err)
		_, err = c.Put(b.ctx, "gone", map[string]int{"n": i})
		b.must(err)
	}
	_, err = c.Put(b.ctx, "c1", json.RawMessage(`{"late": true}`), howdah.ValidFrom(time.Now().Add(-time.Hour)))
	b.must(err)
	_, err = c.Delete(b.ctx, "gone")
	b.must(err)
	before, err := c.History(b.ctx, "c1")
	b.must(err)

	dump := b.tool(t, nil, "pg_dump", b.name)
	to := privateCluster(t)
	to.tool(t, nil, "createdb", "moved")
	to.tool(t, dump, "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", "moved")
	n := &bench{TB: t, cluster: to, ctx: b.ctx, name: "moved", url: to.url("moved")}
	n.open()
	t.Cleanup(func() { n.check(); n.db.Close() })
	n.check()
	moved := n.db.Collection("customers")
	after, err := moved.History(n.ctx, "c1")
	n.must(err)
	if len(after) != len(before) {
		t.Fatalf("%d versions, not %d", len(after), len(before))
	}
	for i, v := range before {
		d, err := moved.Get(n.ctx, "c1", howdah.AsOf(v.KnownAt))
		n.must(err)
		was, err := c.Get(b.ctx, "c1", howdah.AsOf(v.KnownAt))
		b.must(err)
		if string(d.Doc) != string(was.Doc) || !after[i].KnownAt.Equal(v.KnownAt) {
			t.Errorf("as of %v: %s, not %s", v.KnownAt, d.Doc, was.Doc)
		}
	}
	for key, want := range map[string]int64{"c1": 5, "gone": 5, "new": 1} {
		if v, err := moved.Put(n.ctx, key, json.RawMessage(`{}`)); err != nil || v != want {
			t.Errorf("%s is version %d after the move, not %d: %v", key, v, want, err)
		}
	}
	n.want("events", n.number("select count(*) from events.changes"), n.number("select count(*) from docs_history.customers"))
}
