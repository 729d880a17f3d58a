package prove_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah"
)

// A ledger counts how often each event was delivered to one consumer.
type ledger struct {
	mu    sync.Mutex
	times map[int64]int
}

func newLedger() *ledger { return &ledger{times: map[int64]int{}} }

func (l *ledger) saw(ids ...int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.times[id]++
	}
}

// compare says what of the committed ids from start on was lost, delivered more than once, or never committed.
func (l *ledger) compare(committed []int64, start int64) (lost, twice, ghosts []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	is := make(map[int64]bool, len(committed))
	for _, id := range committed {
		is[id] = true
		if n := l.times[id]; n == 0 && id >= start {
			lost = append(lost, id)
		} else if n > 1 {
			twice = append(twice, id)
		}
	}
	for id := range l.times {
		if !is[id] || id < start {
			ghosts = append(ghosts, id)
		}
	}
	slices.Sort(ghosts)
	return lost, twice, ghosts
}

func few(ids []int64) string {
	return fmt.Sprintf("%d %v", len(ids), ids[:min(len(ids), 10)])
}

// all ids of a topic's table.
func (b *bench) committed(table string) (ids []int64) {
	b.Helper()
	rows, err := b.db.Pool().Query(b.ctx, "select id::bigint from "+table+" order by id")
	b.must(err)
	ids, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	b.must(err)
	return ids
}

func TestLedgerSees(t *testing.T) {
	l := newLedger()
	l.saw(2, 3, 3, 9)
	lost, twice, ghosts := l.compare([]int64{1, 2, 3, 4}, 2)
	if !slices.Equal(lost, []int64{4}) || !slices.Equal(twice, []int64{3}) || !slices.Equal(ghosts, []int64{9}) {
		t.Fatal(lost, twice, ghosts)
	}
}

// A producer writes to events.t in every way that is allowed, until ctx ends.
type producer struct {
	b     *bench
	conn  *pgx.Conn
	r     *rand.Rand
	name  string
	two   bool // two-phase commit is possible
	table string
	cols  string
	row   string // a row as SELECT list, of i
	hold  int    // how many times longer than usual transactions are left open
}

func (b *bench) producer(r *rand.Rand, name string) *producer {
	p := &producer{b: b, conn: b.conn(), r: rand.New(rand.NewPCG(r.Uint64(), r.Uint64())), name: name,
		table: "events.t", cols: "key, payload", row: "'k' || i % 11, to_json(i)", hold: 1}
	p.two = b.number("select current_setting('max_prepared_transactions')::bigint") > 0
	return p
}

func (p *producer) work(ctx context.Context) error {
	for n := 0; ctx.Err() == nil; n++ {
		if err := p.transaction(context.WithoutCancel(ctx), n); err != nil {
			return fmt.Errorf("producer %s: %w", p.name, err)
		}
	}
	return nil
}

func (p *producer) transaction(ctx context.Context, n int) error {
	exec := func(sql string) error {
		_, err := p.conn.Exec(ctx, sql)
		return err
	}
	insert := func(rows int) error {
		return exec(fmt.Sprintf("insert into %s (%s) select %s from generate_series(1, %d) i", p.table, p.cols, p.row, rows))
	}
	if p.r.IntN(4) == 0 {
		return insert(1) // autocommit
	}
	steps := []func() error{func() error { return exec("begin") }}
	for range 1 + p.r.IntN(3) {
		switch p.r.IntN(5) {
		case 0:
			steps = append(steps, func() error { return insert(1 + p.r.IntN(3)) })
		case 1:
			steps = append(steps, func() error { return insert(50 + p.r.IntN(300)) })
		case 2:
			steps = append(steps, func() error {
				src := make([][]any, 20+p.r.IntN(200))
				for i := range src {
					src[i] = []any{[]byte(`{"n":1}`)}
				}
				schema, table, _ := cut(p.table)
				_, err := p.conn.CopyFrom(ctx, pgx.Identifier{schema, table}, []string{payloadOf(p.cols)}, pgx.CopyFromRows(src))
				return err
			})
		case 3: // a savepoint rolled back, and its mark with it
			steps = append(steps, func() error { return exec("savepoint a") }, func() error { return insert(3) },
				func() error { return exec("rollback to a") })
		case 4: // left open for some milliseconds
			d := time.Duration(p.hold*(1+p.r.IntN(8))) * time.Millisecond
			steps = append(steps, func() error { return insert(1) }, func() error { return exec(fmt.Sprintf("select pg_sleep(%f)", d.Seconds())) })
		}
	}
	switch {
	case p.r.IntN(5) == 0:
		steps = append(steps, func() error { return exec("rollback") })
	case p.two && p.r.IntN(4) == 0:
		gid := fmt.Sprintf("%s-%s-%d", p.b.name, p.name, n)
		end := "commit prepared '"
		if p.r.IntN(5) == 0 {
			end = "rollback prepared '"
		}
		steps = append(steps, func() error { return exec("prepare transaction '" + gid + "'") },
			func() error { return exec("select 1") }, func() error { return exec(end + gid + "'") })
	default:
		steps = append(steps, func() error { return exec("commit") })
	}
	for _, f := range steps {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// sqlWorker claims with howdah.claim on a connection of its own until done is closed and nothing is left.
func (b *bench) sqlWorker(conn *pgx.Conn, consumer string, batch int, done <-chan struct{}, l *ledger) error {
	for {
		last := false
		select {
		case <-done:
			last = true
		default:
		}
		rows, err := conn.Query(b.ctx, "select claim_id, id from howdah.claim($1, $2, '10 min')", consumer, batch)
		if err != nil {
			return err
		}
		var claim, id int64
		var ids []int64
		_, err = pgx.ForEachRow(rows, []any{&claim, &id}, func() error { ids = append(ids, id); return nil })
		var refused *pgconn.PgError
		if errors.As(err, &refused) && refused.Code == "55P03" {
			continue // the consumer is busy for longer than a second, on a machine that is
		}
		if err != nil {
			return fmt.Errorf("claim for %s: %w", consumer, err)
		}
		if len(ids) == 0 {
			if last {
				return nil
			}
			if _, err := conn.Exec(b.ctx, "select pg_sleep(0.001)"); err != nil {
				return err
			}
			continue
		}
		l.saw(ids...)
		if _, err := conn.Exec(b.ctx, "select howdah.ack($1)", claim); err != nil {
			return fmt.Errorf("ack for %s: %w", consumer, err)
		}
	}
}

// goWorker consumes with Run until done is closed, and then what is left.
func (b *bench) goWorker(c *howdah.Consumer, done <-chan struct{}, l *ledger) error {
	handler := func(_ context.Context, batch []howdah.Event) error {
		for _, e := range batch {
			l.saw(e.ID)
		}
		return nil
	}
	ctx, cancel := context.WithCancel(b.ctx)
	go func() { <-done; cancel() }()
	if err := c.Run(ctx, handler, howdah.Workers(2), howdah.Batch(200)); err != nil {
		return err
	}
	return c.Run(b.ctx, handler, howdah.Workers(2), howdah.Batch(200), howdah.UntilIdle())
}
