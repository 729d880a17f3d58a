package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// servingConns is how many calls of Predict read or write at a time; further ones wait.
const servingConns = 4

// serving holds the connections that answers go over. The pipelines would otherwise take them away for a whole
// transaction, and a connection that has not answered yet first parses and plans nine statements.
type serving struct {
	mu     sync.Mutex
	pool   *pgxpool.Pool
	closed bool
}

// answering is the pool for Predict. It is made when it is needed first: most programs that open a lab ask no model.
func (l *Lab) answering(ctx context.Context) (*pgxpool.Pool, error) {
	if l.db.Pooler() { // settings of a session and prepared statements do not work there
		return l.db.Pool(), nil
	}
	s := &l.serving
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("the lab is closed")
	}
	if s.pool == nil {
		c := l.db.Pool().Config()
		c.MaxConns, c.MinConns, c.MinIdleConns = servingConns, servingConns, 0
		c.MaxConnLifetime, c.MaxConnIdleTime = 24*time.Hour, 24*time.Hour // a new one costs a call its time
		// To plan these statements takes longer than to run them, and their plans are always the same.
		c.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
		prepare := c.AfterConnect
		c.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
			if prepare != nil {
				if err := prepare(ctx, conn); err != nil {
					return err
				}
			}
			return l.warm(ctx, conn)
		}
		pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), c)
		if err != nil {
			return nil, fmt.Errorf("connect for predictions: %w", err)
		}
		s.pool = pool
	}
	return s.pool, nil
}

// warm runs what Predict runs, about nobody, so that the first call finds all statements prepared and planned.
func (l *Lab) warm(ctx context.Context, conn *pgx.Conn) error {
	if err := l.tryLookUp(ctx, conn, Fact{}); err != nil {
		return fmt.Errorf("prepare for predictions: %w", err)
	}
	_, err := logPredictions(ctx, conn, nil)
	return err
}

// tryLookUp looks up what Predict would about a fact, for nobody.
func (l *Lab) tryLookUp(ctx context.Context, conn *pgx.Conn, f Fact) error {
	var b pgx.Batch
	l.queueLookUp(&b, "", []Fact{f}, new(time.Time), new([]AliasMove))
	return conn.SendBatch(ctx, &b).Close()
}

// rehearse has each connection look up what Predict looks up, about recent facts, so that the first clients find the pages they
// ask for in memory. A pooler's connections are not ours to prepare.
func (l *Lab) rehearse(ctx context.Context) error {
	if l.db.Pooler() {
		return nil
	}
	pool, err := l.answering(ctx)
	if err != nil {
		return err
	}
	rows, err := pool.Query(ctx, "select coalesce(key1, ''), coalesce(key2, ''), occurred_at from lab.facts order by source_id desc limit $1", 50*servingConns)
	if err != nil {
		return err
	}
	facts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f Fact, err error) { return f, row.Scan(&f.Key1, &f.Key2, &f.At) })
	if err != nil {
		return err
	}
	for some := range slices.Chunk(facts, 50) {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release() // all at the end, so that each is another one
		for _, f := range some {
			if err := l.tryLookUp(ctx, conn.Conn(), f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends what answering has begun. The database stays open.
func (l *Lab) Close() {
	s := &l.serving
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.pool != nil {
		s.pool.Close()
		s.pool = nil
	}
}
