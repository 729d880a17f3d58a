package schema_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// A window of arrival times, with what makes it in SQL.
type window struct {
	from, until *time.Time
	newest      bool
}

func (w *window) has(e *event) bool {
	return (w.from == nil || !e.received.Before(*w.from)) && (w.until == nil || e.received.Before(*w.until))
}

func (m *model) window() *window {
	w := &window{newest: m.r.IntN(2) == 0}
	var times []time.Time
	for _, e := range m.events {
		times = append(times, e.received)
	}
	slices.SortFunc(times, time.Time.Compare)
	if len(times) > 0 && m.r.IntN(3) > 0 {
		a, b := times[m.r.IntN(len(times))], times[m.r.IntN(len(times))].Add(time.Microsecond)
		if a.After(b) {
			a, b = b, a
		}
		w.from, w.until = &a, &b
	}
	if w.from == nil {
		w.newest = true
	}
	return w
}

// claim claims and checks that what came is what may come. nil: nothing.
func (m *model) claim(n int, w *window) *heldClaim {
	m.t.Helper()
	sql, args := "select claim_id, id, attempt from howdah.claim('worker', $1)", []any{n}
	if w != nil {
		sql = "select claim_id, id, attempt from howdah.claim('worker', $1, null, $2, $3, $4)"
		args = append(args, w.from, w.until, w.newest)
	}
	before := m.now()
	k := m.take(n, w, sql, args...)
	if k == nil {
		m.nothing(before, w)
	}
	return k
}

// claimNext claims as a process does that has drained the topic up to some id. It may be left out, but not if nothing else is
// to do, and takes nothing but the events at the head.
func (m *model) claimNext(n int) {
	m.t.Helper()
	stable := min(m.stable(), m.drawn())
	seen := m.r.Int64N(stable + 2)
	// also for a range that is empty, or for claims that have ended and were not looked at since
	left := m.ordered || one[bool](m.t, m.conn, `select cardinality(open) > 0 or exists (select from howdah.pending)
		from howdah.claims order by claim_id desc limit 1`)
	k := m.take(n, nil, `select r.claim_id, e.id, 1 from howdah.topic t,
		howdah.reserve_next(t.number, '{nobody,worker}', array[0, $2::bigint], array[1, $1::int], null) r
		join events.things e on e.id between r.first_id and r.last_id where r.consumer = 2 order by e.id`, n, seen)
	switch {
	case k != nil && (m.ordered || seen >= stable):
		m.fail("next above %d: claim %v, stable is %d", seen, k.all, stable)
	case k == nil && !left && seen < stable && len(m.in(0, waiting)) > 0:
		m.fail("next above %d: nothing, and %v are waiting", seen, m.in(0, waiting))
	}
}

// take runs a claim and checks what came. nil: nothing.
func (m *model) take(n int, w *window, sql string, args ...any) *heldClaim {
	m.t.Helper()
	before := m.now()
	prompt := one[bool](m.t, m.conn, `select cardinality(open) < 9 from howdah.claims order by claim_id desc limit 1`) || m.lanes > 1
	rows, err := m.conn.Query(context.Background(), sql, args...)
	if err != nil {
		m.t.Fatal(err)
	}
	k := &heldClaim{held: map[int64]bool{}, until: before.Add(modelLease)}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (id int64, err error) {
		err = row.Scan(&k.id, &id, &k.attempts)
		k.held[id] = true
		k.all = append(k.all, id)
		return id, err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.sweep()
	m.note("claim %d %s: %d %v", n, m.describe(w), k.id, k.all)
	if len(k.all) == 0 {
		return nil
	}
	k.attempts--
	if len(k.all) > n || len(k.held) != len(k.all) || !slices.IsSorted(k.all) {
		m.fail("claim of %d: %v", n, k.all)
	}
	for _, id := range k.all {
		if m.events[id] == nil {
			m.fail("claim of event %d, which nobody published", id)
			return nil
		}
	}
	k.lane = m.events[k.all[0]].lane
	m.allowed(k, w, before, prompt, n)
	for _, id := range k.all {
		m.put(id, open, k.attempts, 0, before, before)
	}
	m.claims[k.id] = k
	return k
}

func (m *model) describe(w *window) string {
	if w == nil {
		return ""
	}
	if w.from == nil {
		return "newest"
	}
	return fmt.Sprintf("from %v until %v newest %v", w.from.Format("05.000000"), w.until.Format("05.000000"), w.newest)
}

// allowed checks the events of a claim: all pending and due, or the next ones from the head.
func (m *model) allowed(k *heldClaim, w *window, before time.Time, prompt bool, n int) {
	m.t.Helper()
	now := m.now()
	first := m.events[k.all[0]]
	for _, id := range k.all {
		e := m.events[id]
		switch {
		case e.place != first.place || e.place != pending && e.place != waiting:
			m.fail("claimed event %d is %s", id, e.place)
		case e.lane != k.lane:
			m.fail("claimed event %d is of lane %d, not %d", id, e.lane, k.lane)
		case e.place == pending && e.lo.After(now):
			m.fail("claimed event %d is not due for %v", id, e.lo.Sub(now))
		case e.attempts != k.attempts:
			m.fail("claimed event %d has failed %d times, not %d", id, e.attempts, k.attempts)
		case e.limit > 0 && len(k.all) > e.limit:
			m.fail("event %d of a lost batch came back in a batch of %d, not %d", id, len(k.all), e.limit)
		case e.id > m.stable():
			m.fail("claimed event %d lies above the stable id %d", id, m.stable())
		case w != nil && !w.has(e):
			m.fail("claimed event %d lies outside of the window", id)
		}
	}
	queued := m.in(k.lane, pending)
	if m.ordered {
		if m.busy(k.lane) {
			m.fail("lane %d of an ordered consumer has two open claims", k.lane)
		}
		if len(queued) > 0 && !slices.Equal(queued[:min(len(queued), len(k.all))], k.all) {
			m.fail("ordered: %v came before pending %v", k.all, queued)
		}
	}
	if first.place == waiting {
		m.head(k, w, before, prompt, queued, n)
	}
}

// head checks a claim of events that had not been handed out: the oldest, or newest, of them, and none left out.
func (m *model) head(k *heldClaim, w *window, before time.Time, prompt bool, queued []int64, n int) {
	m.t.Helper()
	var fit []int64
	for _, id := range m.in(k.lane, waiting) {
		if w == nil || w.has(m.events[id]) {
			fit = append(fit, id)
		}
	}
	newest := w != nil && w.newest
	if newest {
		fit = fit[max(0, len(fit)-n):]
	} else {
		fit = fit[:min(len(fit), len(k.all))]
	}
	if !slices.Equal(fit, k.all) {
		m.fail("claim %v, but next were %v", k.all, fit)
	}
	for _, id := range queued {
		e := m.events[id]
		if e.hi.Before(before) && prompt && !newest && (w == nil || w.has(e)) {
			m.fail("event %d was due before the head's %v", id, k.all)
		}
	}
	if w == nil {
		return
	}
	// what the window left out is claimed later like any other pending event
	for _, id := range m.in(k.lane, waiting) {
		if !k.held[id] && (newest || id < k.all[len(k.all)-1]) {
			m.put(id, pending, 0, 0, before, m.now())
		}
	}
}

// nothing checks that a claim without rows means that there was nothing to do.
func (m *model) nothing(before time.Time, w *window) {
	m.t.Helper()
	for _, k := range m.claims {
		if k.until.Before(before) {
			m.fail("claim %d expired and was not found", k.id)
		}
	}
	for lane := range m.lanes {
		if m.ordered && m.busy(lane) {
			continue
		}
		queued := m.in(lane, pending)
		for i, id := range queued {
			e := m.events[id]
			if e.hi.Before(before) && (w == nil || w.has(e)) && (!m.ordered || i == 0) {
				m.fail("no rows, and event %d is due", id)
			}
		}
		if m.ordered && len(queued) > 0 {
			continue
		}
		for _, id := range m.in(lane, waiting) {
			if w == nil || w.has(m.events[id]) {
				m.fail("no rows, and event %d is waiting", id)
				break
			}
		}
	}
}
