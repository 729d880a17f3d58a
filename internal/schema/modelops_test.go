package schema_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// publish inserts some events in a transaction, one time in five only to roll it back.
func (m *model) publish() {
	tx, err := m.conn.Begin(context.Background())
	if err != nil {
		m.t.Fatal(err)
	}
	n := 1 + m.r.IntN(20)
	events := m.insert(tx, n)
	if m.r.IntN(5) == 0 {
		m.note("publish %d, rolled back", n)
		_ = tx.Rollback(context.Background())
		return
	}
	if err := tx.Commit(context.Background()); err != nil {
		m.t.Fatal(err)
	}
	m.note("publish %d from %d", n, events[0].id)
	m.appear(events)
}

func (m *model) insert(tx pgx.Tx, n int) []*event {
	rows, err := tx.Query(context.Background(), `insert into events.things (key, payload) select 'k' || i % 7, '{"a":1}'
		from generate_series(1, $1::int) i returning id, to_json(things) ->> 'partition', received_at`, n)
	if err != nil {
		m.t.Fatal(err)
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*event, error) {
		e := &event{}
		var lane *string
		err := row.Scan(&e.id, &lane, &e.received)
		if m.lanes > 1 {
			_, err = fmt.Sscan(*lane, &e.lane)
		}
		return e, err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return events
}

func (m *model) appear(events []*event) {
	for _, e := range events {
		if e.id < m.goal {
			e.place = done
		}
		m.events[e.id] = e
	}
}

// openProducer begins a transaction that holds the topic's stable id back, or ends the one that is open.
func (m *model) openProducer() {
	ctx := context.Background()
	if m.tx == nil {
		m.mark = m.drawn()
		tx, err := m.producer.Begin(ctx)
		if err != nil {
			m.t.Fatal(err)
		}
		m.tx, m.late = tx, m.insert(tx, 1+m.r.IntN(10))
		m.note("open producer above %d", m.mark)
		return
	}
	if m.r.IntN(3) == 0 {
		m.note("open producer rolls back")
		_ = m.tx.Rollback(ctx)
	} else {
		m.note("open producer commits")
		if err := m.tx.Commit(ctx); err != nil {
			m.t.Fatal(err)
		}
		m.appear(m.late)
	}
	m.tx, m.late = nil, nil
}

func (m *model) drawn() int64 {
	return one[int64](m.t, m.conn, "select coalesce(pg_sequence_last_value('events.things_id_seq'), 0)")
}

// any claim that is held, or now and then one that is no longer.
func (m *model) some() *heldClaim {
	if len(m.ended) > 0 && m.r.IntN(12) == 0 {
		return m.ended[m.r.IntN(len(m.ended))]
	}
	ids := slices.Sorted(maps.Keys(m.claims))
	if len(ids) == 0 {
		return nil
	}
	return m.claims[ids[m.r.IntN(len(ids))]]
}

// part of a claim's ids: all of them, or some, also such as have been settled before.
func (m *model) part(k *heldClaim) []int64 {
	if m.r.IntN(2) == 0 {
		return nil
	}
	var ids []int64
	for _, id := range k.all {
		if m.r.IntN(3) == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (m *model) ack() {
	if k := m.some(); k != nil {
		m.settle(k, m.part(k), "ack")
	}
}

func (m *model) nack() {
	if k := m.some(); k != nil {
		m.settle(k, m.part(k), []string{"nack", "nack now", "nack later"}[m.r.IntN(3)])
	}
}

// settle acks or nacks ids of a claim (nil: all).
func (m *model) settle(k *heldClaim, ids []int64, how string) {
	m.t.Helper()
	var n int64
	before := m.now()
	lo, hi := before, before
	sql := map[string]string{
		"ack":        "select howdah.ack($1, $2)",
		"nack":       "select howdah.nack($1, $2, 'no')",
		"nack now":   "select howdah.nack($1, $2, 'no', '0 s')",
		"nack later": "select howdah.nack($1, $2, 'no', '500 s')",
	}[how]
	err := m.conn.QueryRow(context.Background(), sql, k.id, ids).Scan(&n)
	switch how {
	case "nack":
		lo, hi = before.Add(700*time.Millisecond), m.now().Add(10*time.Second)
	case "nack later":
		lo, hi = before.Add(500*time.Second), m.now().Add(500*time.Second)
	}
	m.note("%s %d %v: %d %v", how, k.id, ids, n, err)
	if m.lost(k, err) {
		return
	}
	if ids == nil {
		ids = k.ids()
	}
	var want int64
	for _, id := range ids {
		if !k.held[id] {
			continue
		}
		want++
		delete(k.held, id)
		switch {
		case how == "ack":
			m.put(id, done, 0, 0, lo, hi)
		case k.attempts+1 >= modelDeaths:
			m.put(id, dead, k.attempts+1, 0, lo, hi)
		default:
			m.put(id, pending, k.attempts+1, 0, lo, hi)
		}
	}
	if n != want {
		m.fail("%s of claim %d answered %d, not %d", how, k.id, n, want)
	}
	if len(k.held) == 0 {
		m.end(k)
	}
}

// lost says whether a claim had ended, and fails the test when the engine's answer does not fit.
func (m *model) lost(k *heldClaim, err error) bool {
	m.t.Helper()
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "HW001" {
		if m.claims[k.id] != nil {
			m.fail("claim %d is held, and lost: %v", k.id, err)
		}
		return true
	}
	if err != nil {
		m.t.Fatalf("claim %d: %v", k.id, err)
	}
	if m.claims[k.id] == nil {
		m.fail("claim %d had ended, and could be settled", k.id)
		return true
	}
	return false
}

func (m *model) release() {
	k := m.some()
	if k == nil {
		return
	}
	var n int
	err := m.conn.QueryRow(context.Background(), "select howdah.release($1)", k.id).Scan(&n)
	m.note("release %d: %d %v", k.id, n, err)
	if m.lost(k, err) {
		return
	}
	if n != len(k.held) {
		m.fail("release answered %d, not %d", n, len(k.held))
	}
	for id := range k.held {
		m.put(id, pending, k.attempts, 0, m.now(), m.now())
	}
	m.end(k)
}

func (m *model) extend() {
	k := m.some()
	if k == nil {
		return
	}
	var until time.Time
	err := m.conn.QueryRow(context.Background(), "select howdah.extend($1)", k.id).Scan(&until)
	m.note("extend %d: %v", k.id, err)
	if !m.lost(k, err) {
		k.until = m.now().Add(modelLease)
	}
}

// pass lets time pass: every stored time moves back, which is the same to the engine.
func (m *model) pass(d time.Duration) {
	m.note("%v pass", d)
	m.passed += d
	for _, sql := range []string{
		"update howdah.claims set lease_until = lease_until - $1::interval, next_lease = next_lease - $1::interval, floor_at = floor_at - $1::interval, claimed_at = claimed_at - $1::interval, ended_at = ended_at - $1::interval",
		"update howdah.extension set until = until - $1::interval",
		"update howdah.pending set due = due - $1::interval, queue_at = queue_at - $1::interval",
	} {
		must(m.t, m.conn, sql, d)
	}
}

func (m *model) seek() {
	target := []string{"earliest", "latest", fmt.Sprint(1 + m.r.Int64N(m.drawn()+5))}[m.r.IntN(3)]
	m.note("seek %s", target)
	drawn := m.drawn()
	switch target {
	case "earliest":
		m.goal = 1
	case "latest":
		m.goal = min(m.stable(), drawn) + 1
	default:
		_, _ = fmt.Sscan(target, &m.goal)
		m.goal = min(m.goal, drawn+1)
	}
	must(m.t, m.conn, "select howdah.seek('worker', $1)", target)
	for _, k := range m.claims {
		m.end(k)
	}
	for id, e := range m.events {
		switch {
		case id >= m.goal:
			m.put(id, waiting, 0, 0, time.Time{}, time.Time{})
		case e.place != dead:
			m.put(id, done, 0, 0, time.Time{}, time.Time{})
		}
	}
}

func (m *model) replay() {
	from := 1 + m.r.Int64N(m.drawn()+1)
	until := from + m.r.Int64N(40)
	m.note("replay %d to %d", from, until)
	must(m.t, m.conn, "select howdah.replay('worker', $1, $2)", from, until)
	m.sweep()
	for id, e := range m.events {
		if id >= from && id <= until && id <= m.stable() && e.place == done {
			m.put(id, pending, 0, 0, m.now(), m.now())
		}
	}
}

func (m *model) redrive() {
	var ids, all []int64
	for id, e := range m.events {
		if e.place == dead {
			all = append(all, id)
			if m.r.IntN(2) == 0 {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		ids = all
		m.expect(int64(len(all)), "select howdah.redrive('worker')")
	} else {
		m.expect(int64(len(ids)), "select howdah.redrive('worker', $1)", ids)
	}
	for _, id := range ids {
		m.put(id, pending, 0, 0, m.now(), m.now())
	}
}

func (m *model) expect(want int64, sql string, args ...any) {
	m.t.Helper()
	got := one[int64](m.t, m.conn, sql, args...)
	m.note("%s %v: %d", sql, args, got)
	if got != want {
		m.fail("%s answered %d, not %d", sql, got, want)
	}
}
