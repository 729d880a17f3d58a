package howdah_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

func collection(t *testing.T, options ...howdah.CollectionOption) (*howdah.DB, *howdah.Collection) {
	t.Helper()
	db, err := howdah.Open(t.Context(), testdb.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	c, err := db.CreateCollection(t.Context(), "customers", options...)
	if err != nil {
		t.Fatal(err)
	}
	return db, c
}

func city(t *testing.T, d howdah.Document) string {
	t.Helper()
	var doc struct{ City string }
	if err := json.Unmarshal(d.Doc, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.City
}

type place struct {
	City string `json:"city"`
}

func TestDocuments(t *testing.T) {
	db, c := collection(t)
	ctx := t.Context()
	v, err := c.Put(ctx, "c1", place{"Milwaukee"})
	if err != nil || v != 1 {
		t.Fatalf("version %d, %v", v, err)
	}
	first, err := c.Get(ctx, "c1")
	if err != nil || city(t, first) != "Milwaukee" || first.Version != 1 || first.ValidFrom.Location() != time.UTC {
		t.Fatalf("%+v, %v", first, err)
	}
	if v, err = c.Put(ctx, "c1", json.RawMessage(`{"city": "Chicago"}`), howdah.IfVersion(1)); err != nil || v != 2 {
		t.Fatalf("version %d, %v", v, err)
	}
	if _, err = c.Put(ctx, "c1", place{"Paris"}, howdah.IfVersion(1)); !errors.Is(err, howdah.ErrVersion) {
		t.Errorf("a version that is gone: %v", err)
	}
	if _, err = c.Put(ctx, "c1", place{"Paris"}, howdah.IfVersion(0)); !errors.Is(err, howdah.ErrVersion) {
		t.Errorf("a document that is there: %v", err)
	}
	then, err := c.Get(ctx, "c1", howdah.AsOf(first.KnownAt))
	if err != nil || city(t, then) != "Milwaukee" {
		t.Errorf("as of the first version: %+v, %v", then, err)
	}
	if v, err = c.Patch(ctx, "c1", map[string]any{"zip": "60601", "city": nil}); err != nil || v != 3 {
		t.Errorf("patch: %d, %v", v, err)
	}
	if d, err := c.Get(ctx, "c1"); err != nil || string(d.Doc) != `{"zip": "60601"}` {
		t.Errorf("patched: %s, %v", d.Doc, err)
	}
	if _, err = c.Patch(ctx, "nobody", map[string]any{}); !errors.Is(err, howdah.ErrNotFound) {
		t.Errorf("patch of nothing: %v", err)
	}
	if _, err = c.Get(ctx, "nobody"); !errors.Is(err, howdah.ErrNotFound) {
		t.Errorf("get of nothing: %v", err)
	}
	// What was true a month ago became known just now: not as of then, but in what is known of then.
	month := first.ValidFrom.Add(-30 * 24 * time.Hour)
	if _, err = c.Put(ctx, "c1", place{"Madison"}, howdah.ValidFrom(month)); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Get(ctx, "c1", howdah.AsOf(month.Add(time.Hour))); !errors.Is(err, howdah.ErrNotFound) {
		t.Errorf("known before it was: %v", err)
	}
	if d, err := c.Get(ctx, "c1", howdah.ValidAt(month.Add(time.Hour))); err != nil || city(t, d) != "Madison" {
		t.Errorf("known now about then: %+v, %v", d, err)
	}
	if d, err := c.Get(ctx, "c1"); err != nil || string(d.Doc) != `{"zip": "60601"}` || d.Version != 4 {
		t.Errorf("after a late version: %s version %d, %v", d.Doc, d.Version, err)
	}
	if done, err := c.Delete(ctx, "c1"); !done || err != nil {
		t.Errorf("delete: %v, %v", done, err)
	}
	if done, err := c.Delete(ctx, "c1"); done || err != nil {
		t.Errorf("delete again: %v, %v", done, err)
	}
	all, err := c.History(ctx, "c1")
	if err != nil || len(all) != 6 || all[0].Doc != nil || all[0].Version != 5 {
		t.Errorf("history: %+v, %v", all, err)
	}

	tx, err := db.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.PutTx(ctx, tx, "c2", place{"Oslo"}); err != nil {
		t.Fatal(err)
	}
	if err = c.PutManyTx(ctx, tx, howdah.Document{Key: "c3", Doc: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if d, err := c.GetTx(ctx, tx, "c2"); err != nil || city(t, d) != "Oslo" {
		t.Errorf("in the transaction: %+v, %v", d, err)
	}
	if v, err := c.PatchTx(ctx, tx, "c2", place{"Bergen"}); err != nil || v != 2 {
		t.Errorf("patch in the transaction: %d, %v", v, err)
	}
	if done, err := c.DeleteTx(ctx, tx, "c3"); err != nil || !done {
		t.Errorf("delete in the transaction: %v, %v", done, err)
	}
	if err = tx.Rollback(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err = c.Get(ctx, "c2"); !errors.Is(err, howdah.ErrNotFound) {
		t.Errorf("after the rollback: %v", err)
	}
}

func TestManyDocuments(t *testing.T) {
	_, c := collection(t, howdah.GivenTimes())
	ctx := t.Context()
	day := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	var documents []howdah.Document
	for i := range 12000 {
		documents = append(documents, howdah.Document{Key: "k" + string(rune('a'+i%10)), Doc: []byte(`{"n": 1}`),
			ValidFrom: day.Add(time.Duration(i) * time.Minute), KnownAt: day.Add(time.Duration(i)*time.Minute + time.Second)})
	}
	if err := c.PutMany(ctx, documents...); err != nil {
		t.Fatal(err)
	}
	found, err := c.GetMany(ctx, []string{"ka", "kb", "none", "ka"})
	if err != nil || len(found) != 2 || found["ka"].Version != 1200 || !found["kb"].KnownAt.Equal(documents[11991].KnownAt) {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err = c.GetMany(ctx, []string{"ka", "kb"}, howdah.AsOf(day.Add(30*time.Second))); err != nil || len(found) != 1 || found["ka"].Version != 1 {
		t.Errorf("as of: %+v, %v", found, err)
	}
	var keys []string
	for d, err := range c.Scan(ctx, "k") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, d.Key)
	}
	if len(keys) != 10 || !slices.IsSorted(keys) {
		t.Errorf("scan: %v", keys)
	}
	points := []howdah.KeyTime{{"ka", day}, {"ka", day.Add(10*time.Minute + time.Second)}, {"none", day}, {"ka", day.Add(30 * 24 * time.Hour)}}
	joined, err := c.AsOfMany(ctx, points, 24*time.Hour)
	if err != nil || len(joined) != 4 || joined[0].Doc != nil || joined[1].Version != 2 || joined[2].Doc != nil || joined[3].Doc != nil {
		t.Errorf("join: %+v, %v", joined, err)
	}
	if err := c.PutMany(ctx, howdah.Document{Key: "x", Doc: []byte(`{}`)}, howdah.Document{Key: "bad", Doc: []byte(`{`)}); !errors.Is(err, howdah.ErrInvalid) {
		t.Errorf("invalid JSON: %v", err)
	}
	if _, err := c.Get(ctx, "x"); !errors.Is(err, howdah.ErrNotFound) {
		t.Errorf("half a batch: %v", err)
	}
}

// TestJoinAsOf: a stream of events, longer than what is asked for at a time, joined with two collections: each with what was known at
// its time, in order.
func TestJoinAsOf(t *testing.T) {
	db, c := collection(t, howdah.GivenTimes())
	ctx := t.Context()
	shops, err := db.CreateCollection(ctx, "shops", howdah.GivenTimes())
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for i, name := range []string{"Oslo", "Rome"} {
		at := day.Add(time.Duration(i) * 24 * time.Hour)
		if _, err := c.Put(ctx, "c1", place{name}, howdah.ValidFrom(at), howdah.KnownAt(at.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := shops.Put(ctx, "s1", place{"Paris"}, howdah.ValidFrom(day), howdah.KnownAt(day)); err != nil {
		t.Fatal(err)
	}
	const n = 25000
	i := 0
	for j, err := range db.JoinAsOf(ctx, func(yield func(howdah.Moment) bool) {
		for k := range n {
			if !yield(howdah.Moment{Time: day.Add(time.Duration(k) * 10 * time.Second), Keys: []string{"c1", "s1"}, Event: k}) {
				return
			}
		}
	}, howdah.Lookup{Collection: "customers"}, howdah.Lookup{Collection: "shops", TTL: 12 * time.Hour}) {
		if err != nil {
			t.Fatal(err)
		}
		since := time.Duration(i) * 10 * time.Second
		wantCity, wantShop := "", ""
		if since >= 25*time.Hour {
			wantCity = "Rome"
		} else if since >= time.Hour {
			wantCity = "Oslo"
		}
		if since <= 12*time.Hour {
			wantShop = "Paris"
		}
		for d, want := range []string{wantCity, wantShop} {
			if got := j.Docs[d]; (got.Doc == nil) != (want == "") || got.Doc != nil && city(t, got) != want {
				t.Fatalf("event %d, collection %d: %s, not %q", i, d, got.Doc, want)
			}
		}
		if j.Event != i {
			t.Fatalf("event %v at place %d", j.Event, i)
		}
		i++
	}
	if i != n {
		t.Errorf("%d of %d events", i, n)
	}
	for _, err := range db.JoinAsOf(ctx, slices.Values([]howdah.Moment{{Time: day, Keys: []string{"c1"}}}), howdah.Lookup{Collection: "nothing"}) {
		if !errors.Is(err, howdah.ErrNotFound) {
			t.Errorf("an unknown collection: %v", err)
		}
	}
	for _, err := range db.JoinAsOf(ctx, slices.Values([]howdah.Moment{{Time: day}}), howdah.Lookup{Collection: "shops"}) {
		if !errors.Is(err, howdah.ErrInvalid) {
			t.Errorf("no key: %v", err)
		}
	}
}
