package bench

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// An arm is one of the designs that do the same work in turn. once returns a rate or another figure.
type arm struct {
	name string
	once func(context.Context) (float64, error)
}

// interleave runs all arms in every round and returns the figures by arm and round. Every round starts with another arm
// and takes them in another order: what one arm has left for the disk to do slows the next one down.
func (b *bench) interleave(ctx context.Context, arms []arm) (map[string][]float64, error) {
	got := map[string][]float64{}
	steps := coprimes(len(arms))
	for round := range b.o.Rounds {
		for i := range arms {
			a := arms[(round+i*steps[round%len(steps)])%len(arms)]
			v, err := a.once(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.name, err)
			}
			got[a.name] = append(got[a.name], v)
		}
	}
	return got, nil
}

// coprimes are the numbers from 1 to n that share no factor with n: counting by one of them modulo n meets every arm once.
func coprimes(n int) (list []int) {
	for i := 1; i <= n; i++ {
		a, b := n, i
		for b > 0 {
			a, b = b, a%b
		}
		if a == 1 {
			list = append(list, i)
		}
	}
	return list
}

// parallel calls step again and again on n connections for a time, or until it returns 0, and returns the sum of what
// it returned per second.
func (b *bench) parallel(ctx context.Context, n int, d time.Duration, step func(context.Context, *pgxpool.Conn) (int, error)) (float64, error) {
	conns := make([]*pgxpool.Conn, n)
	for i := range conns {
		c, err := b.pool.Acquire(ctx)
		if err != nil {
			return 0, err
		}
		defer c.Release()
		conns[i] = c
	}
	var wg sync.WaitGroup
	sums, errs := make([]int, n), make([]error, n)
	start := time.Now()
	for i, c := range conns {
		wg.Go(func() {
			for time.Since(start) < d {
				k, err := step(ctx, c)
				if err != nil {
					errs[i] = err
					return
				}
				if k == 0 {
					return
				}
				sums[i] += k
			}
		})
	}
	wg.Wait()
	took := time.Since(start).Seconds()
	total := 0
	for i := range conns {
		if errs[i] != nil {
			return 0, errs[i]
		}
		total += sums[i]
	}
	return float64(total) / took, nil
}

const batchRows = 1000

// payload is an event of 200 bytes of JSON.
func payload(n int) string {
	return fmt.Sprintf(`{"n": %-10d, "customer": "c-%06d", "amount": %8.2f, "currency": "USD", "note": "%s"}`,
		n, n%100000, float64(n%1000000)/100, filler)
}

var filler = func() string {
	const text = "a payment at a merchant that nobody has heard of, by card, in a town by the lake, on a day like any other day of the year"
	empty := len(fmt.Sprintf(`{"n": %-10d, "customer": "c-%06d", "amount": %8.2f, "currency": "USD", "note": ""}`, 1, 1, 1.0))
	return text[:200-empty]
}()

// batch is batchRows events as COPY takes them for one column.
var batch = func() []byte {
	var buf bytes.Buffer
	for i := range batchRows {
		buf.WriteString(payload(i))
		buf.WriteByte('\n')
	}
	return buf.Bytes()
}()

// copyBatch appends one batch to a table and commits.
func copyBatch(table, column string) func(context.Context, *pgxpool.Conn) (int, error) {
	sql := "copy " + table + " (" + column + ") from stdin"
	return func(ctx context.Context, c *pgxpool.Conn) (int, error) {
		_, err := c.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(batch), sql)
		return batchRows, err
	}
}

// fill appends n events in large transactions.
func (b *bench) fill(ctx context.Context, table, column string, n int) error {
	return b.exec(ctx, fmt.Sprintf(`insert into %s (%s) select ($1::text)::json from generate_series(1, $2::int)`, table, column), payload(7), n)
}
