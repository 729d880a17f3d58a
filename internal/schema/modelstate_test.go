package schema_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

type place int

const (
	waiting place = iota
	open
	pending
	dead
	done
)

func (p place) String() string {
	return [...]string{"waiting", "open", "pending", "dead", "done"}[p]
}

// An event of the model: where it is and how often it has failed.
type event struct {
	id       int64
	lane     int
	received time.Time
	place    place
	attempts int
	limit    int       // the largest batch it may come back in; 0: any
	lo, hi   time.Time // pending: due at some time between these
}

type heldClaim struct {
	id       int64
	lane     int
	attempts int
	until    time.Time
	held     map[int64]bool
	all      []int64 // what it was made of
}

func (k *heldClaim) ids() []int64 { return slices.Sorted(maps.Keys(k.held)) }

const (
	modelLease  = 600 * time.Second
	modelDeaths = 3 // max_attempts
)

// A model of one consumer beside the real one. Time passes by moving every stored time back.
type model struct {
	t        testing.TB
	conn     *pgx.Conn
	r        *rand.Rand
	ordered  bool
	lanes    int
	events   map[int64]*event
	claims   map[int64]*heldClaim
	ended    []*heldClaim
	passed   time.Duration // how much further the model's clock is
	goal     int64         // of the last seek: what appears below it is skipped
	producer *pgx.Conn
	tx       pgx.Tx   // an open producer
	mark     int64    // the last id drawn before it
	late     []*event // its events
	history  []string
}

func newModel(t testing.TB, r *rand.Rand, ordered bool, partitions int) *model {
	url := newDatabase(t)
	m := &model{t: t, conn: connect(t, url), r: r, ordered: ordered, lanes: 1, events: map[int64]*event{}, claims: map[int64]*heldClaim{}}
	if ordered {
		m.lanes = partitions
	}
	must(t, m.conn, "select howdah.create_topic('things', $1)", partitions)
	must(t, m.conn, "select howdah.create_consumer('worker', 'things', lease => $1, max_attempts => $2, ordered => $3)", modelLease, modelDeaths, ordered)
	must(t, m.conn, "update howdah.setting set value = '0 s' where name = 'history_interval'")
	t.Cleanup(func() {
		if m.tx != nil {
			_ = m.tx.Rollback(context.Background())
		}
	})
	m.producer = connect(t, url)
	return m
}

func (m *model) note(format string, args ...any) {
	m.history = append(m.history, fmt.Sprintf(format, args...))
}

// fail reports a difference; the history that led to it is printed by the test.
func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Errorf(format, args...)
}

func (m *model) now() time.Time { return time.Now().Add(m.passed) }

func (m *model) count(p place) (n int) {
	for _, e := range m.events {
		if e.place == p && (p != waiting || e.id <= m.stable()) {
			n++
		}
	}
	return n
}

// stable is the highest id that a claim may hand out.
func (m *model) stable() int64 {
	if m.tx != nil {
		return m.mark
	}
	return 1 << 62
}

// in returns the ids of a lane at a place, ascending.
func (m *model) in(lane int, p place) (ids []int64) {
	for id, e := range m.events {
		if e.lane == lane && e.place == p && (p != waiting || id <= m.stable()) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (m *model) busy(lane int) bool {
	for _, k := range m.claims {
		if k.lane == lane {
			return true
		}
	}
	return false
}

func (m *model) put(id int64, p place, attempts, limit int, lo, hi time.Time) {
	e := m.events[id]
	e.place, e.attempts, e.limit, e.lo, e.hi = p, attempts, limit, lo, hi
}

// sweep takes note of the claims that the engine has found expired, which it may do at any claim and at a replay.
func (m *model) sweep() {
	for id, k := range m.claims {
		if !k.until.Before(m.now()) {
			continue
		}
		outcome := one[*string](m.t, m.conn, "select (select outcome from howdah.claims where claim_id = $1)", id)
		if outcome == nil {
			continue
		}
		if *outcome != "expired" {
			m.fail("claim %d ended: %s", id, *outcome)
		}
		m.end(k)
		now := m.now()
		for held := range k.held {
			switch {
			case len(k.held) == 1 && k.attempts+1 >= modelDeaths:
				m.put(held, dead, k.attempts+1, 0, now, now)
			case len(k.held) == 1:
				m.put(held, pending, k.attempts+1, 1, now, now)
			default:
				m.put(held, pending, k.attempts, max(1, len(k.held)/2), now, now)
			}
		}
	}
}

func (m *model) end(k *heldClaim) {
	delete(m.claims, k.id)
	m.ended = append(m.ended, k)
}

// compare asks the engine where every event is, and for its own check.
func (m *model) compare() {
	m.t.Helper()
	m.sweep()
	rows, err := m.conn.Query(context.Background(), "select id, state, attempts from howdah.processing_states('worker')")
	if err != nil {
		m.t.Fatal(err)
	}
	seen := 0
	for rows.Next() {
		var id int64
		var state string
		var attempts int
		if err := rows.Scan(&id, &state, &attempts); err != nil {
			m.t.Fatal(err)
		}
		seen++
		e := m.events[id]
		if state == "processed" || state == "skipped" {
			state = "done"
		}
		switch {
		case e == nil:
			m.fail("event %d appeared from nowhere", id)
		case e.place.String() != state:
			m.fail("event %d is %s, not %s", id, state, e.place)
		case (e.place == dead || e.place == pending) && e.attempts != attempts:
			m.fail("%s event %d has failed %d times, not %d", e.place, id, attempts, e.attempts)
		}
	}
	if rows.Err() != nil {
		m.t.Fatal(rows.Err())
	}
	if seen != len(m.events) {
		m.fail("%d events, not %d", seen, len(m.events))
	}
	checkAll(m.t, m.conn)
}
