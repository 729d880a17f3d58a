package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// version is one thing that was ever said of a key: the oracle keeps them all and looks through all of them.
type version struct {
	valid, known time.Time
	doc          string // empty: deleted
	expires      *time.Time
}

// docModel is what a collection has to answer, in the simplest form: nothing is ever sorted, restated or overwritten.
type docModel map[string][]version

// at is what was known at k of what is true at t: the greatest valid time, and of those what was known last.
func (m docModel) at(key string, t, k time.Time) *version {
	var best *version
	for i := range m[key] {
		v := &m[key][i]
		if v.valid.After(t) || v.known.After(k) {
			continue
		}
		if best == nil || v.valid.After(best.valid) || v.valid.Equal(best.valid) && v.known.After(best.known) {
			best = v
		}
	}
	return best
}

func (m docModel) answer(key string, t, k time.Time, ttl time.Duration) string {
	v := m.at(key, t, k)
	if v == nil || v.doc == "" || v.expires != nil && !v.expires.After(t) || ttl > 0 && v.valid.Before(t.Add(-ttl)) {
		return ""
	}
	return v.doc
}

var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (m docModel) top(key string) *version { return m.at(key, forever, forever) }

// docRun changes a collection and the model alike.
type docRun struct {
	*testing.T
	conn  *pgx.Conn
	rnd   *rand.Rand
	model docModel
	given bool
	clock time.Time // given: the source's clock
	n     int
}

var docKeys = []string{"a", "b", "c", "d"}

// TestDocumentsModel: whatever sequence of puts, patches, deletions and plain SQL, known in time or late, at the same valid time or
// not: every answer is the oracle's.
func TestDocumentsModel(t *testing.T) {
	steps, seeds := 120, []uint64{1, 2, uint64(time.Now().UnixNano())}
	if testing.Short() {
		steps = 60
	}
	for _, given := range []bool{true, false} {
		for _, seed := range seeds {
			t.Run(fmt.Sprintf("given %v seed %d", given, seed), func(t *testing.T) {
				t.Parallel()
				r := &docRun{T: t, conn: connect(t, newDatabase(t)), rnd: rand.New(rand.NewPCG(seed, 7)), model: docModel{}, given: given,
					clock: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
				must(t, r.conn, "select howdah.create_collection('things', 'changes', $1)", map[bool]string{true: "given", false: "clock"}[given])
				for range steps {
					r.step()
				}
				r.compare()
				r.changes()
				checkAll(t, r.conn)
			})
		}
	}
}

// moment is a time of the grid, so that ties are many.
func (r *docRun) moment() time.Time {
	if r.given {
		return time.Date(2025, 1, 1, 0, r.rnd.IntN(40), 0, 0, time.UTC)
	}
	return time.Date(2025, 1, 1, 0, r.rnd.IntN(10), 0, 0, time.UTC)
}

func (r *docRun) step() {
	r.n++
	key, doc := docKeys[r.rnd.IntN(len(docKeys))], fmt.Sprintf(`{"n": %d}`, r.n)
	if r.given && r.rnd.IntN(3) > 0 {
		r.clock = r.clock.Add(time.Duration(r.rnd.IntN(3)) * time.Minute)
	}
	var known, valid, expires *time.Time
	if r.given {
		known = &r.clock
	}
	if r.rnd.IntN(2) == 0 {
		v := r.moment()
		valid = &v
	}
	if r.rnd.IntN(6) == 0 { // a time that lies in the past or far ahead, so that now does not matter to the current table
		e := forever
		if r.rnd.IntN(2) == 0 && r.given {
			e = r.moment()
		}
		expires = &e
	}
	top := r.model.top(key)
	live := top != nil && top.doc != ""
	expired := live && top.expires != nil && top.expires.Before(time.Now())
	switch what := r.rnd.IntN(8); {
	case what < 2:
		must(r, r.conn, "select howdah.put('things', $1, $2, $3, null, $4, $5)", key, doc, valid, expires, known)
		r.said(key, doc, valid, expires)
	case what == 2:
		other := docKeys[r.rnd.IntN(len(docKeys))]
		second := fmt.Sprintf(`{"n": %d, "second": true}`, r.n)
		must(r, r.conn, "select howdah.put_many('things', $1, $2::text[]::jsonb[], $3, $4, $5)", []string{key, other}, []string{doc, second},
			[]*time.Time{valid, nil}, []*time.Time{expires, nil}, []*time.Time{known, known})
		if key == other {
			r.saidTwice(key, doc, second, valid, expires)
		} else {
			r.said(key, doc, valid, expires)
			r.said(other, second, nil, nil)
		}
	case what == 3 && live && !expired:
		if valid != nil && valid.Before(top.valid) {
			valid = nil
		}
		must(r, r.conn, "select howdah.patch('things', $1, $2, $3, null, $4)", key, fmt.Sprintf(`{"patched": %d}`, r.n), valid, known)
		var merged map[string]any
		if err := json.Unmarshal([]byte(top.doc), &merged); err != nil {
			r.Fatal(err)
		}
		merged["patched"] = r.n
		b, _ := json.Marshal(merged)
		r.said(key, string(b), valid, top.expires)
	case what == 4 && live && !expired:
		if !one[bool](r, r.conn, "select howdah.delete('things', $1, $2, null, $3)", key, valid, known) {
			r.Errorf("%s was not there", key)
		}
		r.said(key, "", valid, nil)
	case what == 5 && !live:
		if r.given {
			v := r.clock
			if valid != nil {
				v = *valid
			}
			must(r, r.conn, "insert into docs.things (key, doc, valid_from, updated_at) values ($1, $2, $3, $4)", key, doc, v, r.clock)
			r.said(key, doc, &v, nil)
		} else {
			must(r, r.conn, "insert into docs.things (key, doc) values ($1, $2)", key, doc)
			r.said(key, doc, nil, nil)
		}
	case what == 6 && live:
		if r.given {
			v := r.moment()
			must(r, r.conn, "update docs.things set doc = $2, version = version + 1, valid_from = $3, updated_at = $4, expires_at = null where key = $1", key, doc, v, r.clock)
			r.said(key, doc, &v, nil)
		} else {
			must(r, r.conn, "update docs.things set doc = $2, expires_at = null where key = $1", key, doc)
			r.said(key, doc, nil, nil)
		}
	case what == 7 && live && !r.given:
		must(r, r.conn, "delete from docs.things where key = $1", key)
		r.said(key, "", nil, nil)
	}
}

// said adds to the model what was just done. When it became known is the model's own reckoning where times are given, and else
// what the collection has noted, which has to lie above what was noted before.
func (r *docRun) said(key, doc string, valid, expires *time.Time) {
	known := r.known(key, 0)
	r.note(key, version{known, known, doc, expires}, valid, known)
}

// saidTwice adds what one statement put under one key, the first of them with a time.
func (r *docRun) saidTwice(key, first, second string, valid, expires *time.Time) {
	moment := r.known(key, 1)
	r.note(key, version{moment, moment, first, expires}, valid, moment)
	known := r.known(key, 0)
	r.note(key, version{known, known, second, nil}, nil, moment)
}

func (r *docRun) known(key string, back int) time.Time {
	if r.given {
		return r.clock
	}
	return one[time.Time](r, r.conn, "select known_at from (select distinct known_at from docs_history.things where key = $1) x order by 1 desc offset $2 limit 1", key, back)
}

// note adds a version: without a valid time, or with that of the moment itself, it is true from the moment on, but not from before
// the newest one.
func (r *docRun) note(key string, v version, valid *time.Time, moment time.Time) {
	for _, before := range r.model[key] {
		if !v.known.After(before.known) {
			if !r.given {
				r.Errorf("%s: known at %v, after %v", key, v.known, before.known)
			}
			v.known = before.known.Add(time.Microsecond)
		}
	}
	v.valid = moment
	if top := r.model.top(key); top != nil && moment.Before(top.valid) {
		v.valid = top.valid
	}
	if valid != nil && !valid.Equal(moment) {
		v.valid = *valid
	}
	r.model[key] = append(r.model[key], v)
}

// compare asks for every key at many times: on the grid, just beside it, and at the times that occur.
func (r *docRun) compare() {
	times := []time.Time{time.Now().Add(time.Minute), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	for range 60 {
		times = append(times, r.moment().Add(time.Duration(r.rnd.IntN(3)-1)*time.Microsecond))
	}
	for _, versions := range r.model {
		for _, v := range versions {
			times = append(times, v.known, v.valid, v.known.Add(-time.Microsecond), v.valid.Add(-time.Microsecond))
		}
	}
	var keys []string
	var at []time.Time
	for _, key := range append(docKeys, "never") {
		for _, t := range times {
			keys, at = append(keys, key), append(at, t)
		}
	}
	for _, ttl := range []time.Duration{0, 5 * time.Minute, time.Microsecond} {
		for _, by := range []*time.Time{nil, &forever, &times[r.rnd.IntN(len(times))]} {
			var limit any
			if ttl > 0 {
				limit = ttl
			}
			got := r.answers("select place, doc::text from howdah.join_as_of('things', $1, $2, $3, $4)", keys, at, limit, by)
			for i, key := range keys {
				k := at[i]
				if by != nil {
					k = *by
				}
				if want := r.model.answer(key, at[i], k, ttl); !sameJSON(got[i+1], want) {
					r.Fatalf("%s at %v known by %v ttl %v: %q, not %q\n%+v", key, at[i], k, ttl, got[i+1], want, r.model[key])
				}
			}
		}
	}
	now := time.Now()
	for _, key := range docKeys {
		want := ""
		if top := r.model.top(key); top != nil && (top.expires == nil || top.expires.After(now)) {
			want = top.doc
		}
		if got := one[string](r, r.conn, "select coalesce(howdah.get('things', $1)::text, '')", key); !sameJSON(got, want) {
			r.Errorf("%s is %q, not %q", key, got, want)
		}
		t := times[r.rnd.IntN(len(times))]
		for sql, want := range map[string]string{
			"select coalesce(howdah.get('things', $1, $2)::text, '')":                            r.model.answer(key, t, t, 0),
			"select coalesce(howdah.get_valid_at('things', $1, $2)::text, '')":                   r.model.answer(key, t, forever, 0),
			"select coalesce(max(doc::text), '') from howdah.get_many('things', array[$1], $2)":  r.model.answer(key, t, t, 0),
			"select coalesce(max(c.doc::text), '') from docs.things_as_of($1, $2) c":             r.model.answer(key, t, t, 0),
			"select coalesce(max(c.doc::text), '') from docs.things_valid_at($1, $2, '5 min') c": r.model.answer(key, t, forever, 5*time.Minute),
		} {
			if got := one[string](r, r.conn, sql, key, t); !sameJSON(got, want) {
				r.Errorf("%s for %s, %v: %q, not %q", sql, key, t, got, want)
			}
		}
	}
}

// changes: who follows the topic and keeps the last event of each key has what the collection has.
func (r *docRun) changes() {
	missing := one[int](r, r.conn, `select count(*) from (select distinct on (key) key, payload -> 'doc' as doc from events.changes order by key, id desc) e
		full join docs.things d on d.key = e.key where coalesce(e.doc::text, 'null')::jsonb <> coalesce(d.doc, 'null')`)
	if missing > 0 {
		r.Errorf("the last events of %d keys are not what the collection has", missing)
	}
	if n := one[int](r, r.conn, "select count(*) from events.changes"); n != one[int](r, r.conn, "select count(*) from docs_history.things") {
		r.Errorf("%d events", n)
	}
}

func (r *docRun) answers(sql string, args ...any) map[int]string {
	rows, err := r.conn.Query(context.Background(), sql, args...)
	if err != nil {
		r.Fatal(err)
	}
	found := map[int]string{}
	var place int
	var doc string
	if _, err := pgx.ForEachRow(rows, []any{&place, &doc}, func() error { found[place] = doc; return nil }); err != nil {
		r.Fatal(err)
	}
	return found
}

func sameJSON(a, b string) bool {
	var x, y any
	if a == "" || b == "" {
		return a == b
	}
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}
