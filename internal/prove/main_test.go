// Package prove_test tries to lose, double and stall events in whole systems: many connections, killed processes,
// crashed servers, poolers, dumps. The short versions always run; `-long` or HOWDAH_LONG=1 runs the long ones.
package prove_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah"
)

var (
	long   = flag.Bool("long", os.Getenv("HOWDAH_LONG") == "1", "run the long versions")
	seed   = flag.Uint64("seed", 0, "seed of the random tests; 0 draws one")
	shared *cluster
	made   atomic.Int64
)

func TestMain(m *testing.M) {
	if url := os.Getenv("HOWDAH_PROVE_WORKER"); url != "" {
		workerMain(url)
		return
	}
	flag.Parse()
	var err error
	if shared, err = newCluster("max_prepared_transactions=20", "max_locks_per_transaction=256"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	shared.stop()
	_ = os.RemoveAll(shared.dir)
	os.Exit(code)
}

// random is a source with a seed that is printed when the test fails.
func random(t testing.TB) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again with: go test ./internal/prove -run '^%s$' -seed %d", t.Name(), s)
		}
	})
	return rand.New(rand.NewPCG(s, 1))
}

// pick is the first value in a short run, the second in a long one.
func pick[T any](short, longer T) T {
	if *long {
		return longer
	}
	return short
}

// A bench is one database with Howdah in it.
type bench struct {
	testing.TB
	*cluster
	ctx  context.Context
	name string
	url  string
	db   *howdah.DB
}

// fresh makes a database on the shared cluster; its invariants are checked when the test ends.
func fresh(t testing.TB) *bench { return shared.fresh(t) }

func (c *cluster) fresh(t testing.TB) *bench {
	t.Helper()
	b := &bench{TB: t, cluster: c, ctx: context.Background(), name: fmt.Sprintf("prove%d", made.Add(1))}
	b.url = c.url(b.name)
	admin, err := pgx.Connect(b.ctx, c.url("postgres"))
	b.must(err)
	defer func() { _ = admin.Close(b.ctx) }()
	_, err = admin.Exec(b.ctx, "create database "+b.name)
	b.must(err)
	b.open()
	t.Cleanup(func() { b.check(); b.db.Close() })
	return b
}

func (b *bench) open(options ...howdah.Option) {
	b.Helper()
	var err error
	b.db, err = howdah.Open(b.ctx, b.url, append(options, howdah.WithMigrate(), howdah.WithMaxConns(40),
		howdah.WithLogger(slog.New(slog.DiscardHandler)))...)
	b.must(err)
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// check is the oracle of all tests.
func (b *bench) check() {
	b.Helper()
	problems, err := b.db.Check(b.ctx)
	if err != nil {
		b.Errorf("check: %v", err)
	}
	for i, p := range problems {
		if i == 20 {
			b.Errorf("check: %d problems in all", len(problems))
			break
		}
		b.Errorf("check: topic %s, consumer %s: %s", p.Topic, p.Consumer, p.Problem)
	}
}

// conn is a direct connection with no statement cache, which ends with the test.
func (b *bench) conn() *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.ctx, b.url)
	b.must(err)
	b.Cleanup(func() { _ = conn.Close(b.ctx) })
	return conn
}

// run runs statements, one after another, each for itself.
func (b *bench) run(statements ...string) {
	b.Helper()
	for _, s := range statements {
		if _, err := b.db.Pool().Exec(b.ctx, s); err != nil {
			b.Fatalf("%s: %v", s, err)
		}
	}
}

// on runs statements on one connection.
func (b *bench) on(conn *pgx.Conn, statements ...string) {
	b.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(b.ctx, s); err != nil {
			b.Fatalf("%s: %v", s, err)
		}
	}
}

// number is the one number that a query gives.
func (b *bench) number(sql string, args ...any) (n int64) {
	b.Helper()
	var v *int64
	if err := b.db.Pool().QueryRow(b.ctx, sql, args...).Scan(&v); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	if v == nil {
		b.Fatalf("%s: null", sql)
	}
	return *v
}

func (b *bench) want(what string, got, want int64) {
	b.Helper()
	if got != want {
		b.Errorf("%s is %d, want %d", what, got, want)
	}
}

// refused wants an error of that SQLSTATE that says all of words, in message, detail or hint.
func (b *bench) refused(err error, code string, words ...string) {
	b.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		b.Fatalf("not refused by the database: %v", err)
	}
	said := pg.Message + "\n" + pg.Detail + "\n" + pg.Hint
	if pg.Code != code {
		b.Fatalf("refused with %s, want %s: %s", pg.Code, code, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			b.Errorf("the error does not say %q: %s", w, said)
		}
	}
}

func (b *bench) topic(name string) { b.Helper(); b.run("select howdah.create_topic('" + name + "')") }

// publish appends n events in one transaction.
func (b *bench) publish(topic string, n int) {
	b.Helper()
	b.run(fmt.Sprintf(`insert into events.%s (key, payload) select 'k' || i %% 7, to_json(i) from generate_series(1, %d) i`, topic, n))
}

func (b *bench) consumer(name, topic string, options ...howdah.ConsumerOption) *howdah.Consumer {
	b.Helper()
	c, err := b.db.CreateConsumer(b.ctx, name, topic, options...)
	b.must(err)
	return c
}

// claim takes what there is; nil: nothing.
func (b *bench) claim(c *howdah.Consumer, n int, options ...howdah.ClaimOption) *howdah.Claim {
	b.Helper()
	k, err := c.Claim(b.ctx, n, options...)
	b.must(err)
	return k
}

func (b *bench) ack(k *howdah.Claim, ids ...int64) {
	b.Helper()
	_, err := k.Ack(b.ctx, ids...)
	b.must(err)
}

func idsOf(k *howdah.Claim) (ids []int64) {
	if k != nil {
		for _, e := range k.Events {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// drain claims and acks all that can be claimed now.
func (b *bench) drain(c *howdah.Consumer, n int) (ids []int64) {
	b.Helper()
	for {
		k := b.claim(c, n)
		if k == nil {
			return ids
		}
		ids = append(ids, idsOf(k)...)
		b.ack(k)
	}
}

// until polls a condition; it says what it waited for in vain.
func (b *bench) until(what string, f func() bool) {
	b.Helper()
	deadline := time.Now().Add(60 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		if time.Now().After(deadline) {
			b.Fatalf("waited 60 s for %s", what)
		}
		<-tick.C
	}
}

// blocks counts the buffers that a query touches, those of the statements inside its functions included.
func (b *bench) blocks(conn *pgx.Conn, sql string) int64 {
	b.Helper()
	var text string
	b.must(conn.QueryRow(b.ctx, "explain (analyze, buffers, format json, timing off) "+sql).Scan(&text))
	var plans []struct {
		Plan struct {
			Hit  int64 `json:"Shared Hit Blocks"`
			Read int64 `json:"Shared Read Blocks"`
		}
	}
	b.must(json.Unmarshal([]byte(text), &plans))
	return plans[0].Plan.Hit + plans[0].Plan.Read
}
