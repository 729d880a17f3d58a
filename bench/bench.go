// Package bench measures Howdah against the design with a status table for each consumer (baseline.sql), and against plain
// tables, in one database of its own: the same work for all in turn, rounds interleaved, so that what else the machine
// does hits all alike. Ratios are medians of the rounds' ratios; only they can be compared between runs.
package bench

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah"
)

//go:embed baseline.sql
var baseline string

// Options say what is measured, and for how long. Zero values mean the defaults.
type Options struct {
	Only    []string      // names of measurements; none: all
	Round   time.Duration // of one round of one design; default 3 s
	Rounds  int           // default 5
	Rows    int           // events in the topic that is consumed; default 1,000,000
	Hold    time.Duration // how long the snapshot is held; default 60 s
	Quick   bool          // short rounds and few rows: shows that it works, not how fast it is
	Report  func(Line)    // called with each line as soon as it is measured
	Started func(string)  // called with the name of each measurement as it starts
}

type measurement struct {
	name, about string
	run         func(*bench, context.Context) error
}

var measurements = []measurement{
	{"append", "batches of 1,000 by COPY on 2 connections, by number of consumers", (*bench).append},
	{"single", "single-row inserts on 16 connections", (*bench).single},
	{"consume", "a backlog, by workers and batch", (*bench).consume},
	{"latency", "from insert to handler at 1,000 events/s with 5 consumers", (*bench).latency},
	{"snapshot", "producing and consuming while a snapshot is held open", (*bench).snapshot},
	{"state", "bytes and WAL per event and consumer", (*bench).state},
	{"create", "a new consumer on old events", (*bench).create},
	{"get", "documents by key, one by one and 100 at a time", (*bench).get},
	{"put", "documents with their history, one by one and in batches", (*bench).put},
	{"join", "events with documents as of each event", (*bench).join},
	{"objects", "objects over S3, and chunk rows without it", (*bench).objects},
	{"idle", "CPU of 5 idle consumers", (*bench).idle},
}

// Names are the measurements that there are, with a few words on each.
func Names() (names, about []string) {
	for _, m := range measurements {
		names, about = append(names, m.name), append(about, m.about)
	}
	return names, about
}

// bench is one run: a database of its own, seen through Howdah and through a plain pool.
type bench struct {
	o      Options
	db     *howdah.DB
	pool   *pgxpool.Pool
	report *Report
	serial int
}

// Run measures on the PostgreSQL at databaseURL. It needs the right to create a database there, makes one of its own and
// drops it again. What was measured before an error is in the report.
func Run(ctx context.Context, databaseURL string, o Options) (*Report, error) {
	names, _ := Names()
	for _, n := range o.Only {
		if !slices.Contains(names, n) {
			return nil, fmt.Errorf("unknown measurement %q; there are: %s", n, strings.Join(names, ", "))
		}
	}
	o = o.withDefaults()
	admin, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer func() { _ = admin.Close(context.WithoutCancel(ctx)) }()
	name := fmt.Sprintf("howdah_bench_%d", time.Now().UnixNano())
	if _, err := admin.Exec(ctx, "create database "+name); err != nil {
		return nil, fmt.Errorf("bench: make a database: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, _ = admin.Exec(ctx, "drop database if exists "+name+" with (force)")
	}()
	own := inDatabase(databaseURL, name)
	db, err := howdah.Open(ctx, own, howdah.WithMigrate(), howdah.WithMaxConns(24))
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer db.Close()
	config, err := pgxpool.ParseConfig(own)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	config.MaxConns = 32
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer pool.Close()
	b := &bench{o: o, db: db, pool: pool, report: &Report{Round: o.Round.Seconds(), Rounds: o.Rounds, Rows: o.Rows, Quick: o.Quick}}
	if err := b.exec(ctx, baseline); err != nil {
		return nil, fmt.Errorf("bench: install the baseline: %w", err)
	}
	err = pool.QueryRow(ctx, `select version(), current_setting('fsync') = 'on' and current_setting('synchronous_commit') = 'on'`).
		Scan(&b.report.PostgreSQL, &b.report.Durable)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	for _, m := range measurements {
		if len(o.Only) > 0 && !slices.Contains(o.Only, m.name) {
			continue
		}
		if o.Started != nil {
			o.Started(m.name)
		}
		if err := m.run(b, ctx); err != nil {
			return b.report, fmt.Errorf("bench %s: %w", m.name, err)
		}
	}
	return b.report, nil
}

func (o Options) withDefaults() Options {
	round, rounds, rows, hold := 3*time.Second, 5, 1_000_000, time.Minute
	if o.Quick {
		round, rounds, rows, hold = 500*time.Millisecond, 1, 50_000, 3*time.Second
	}
	if o.Round <= 0 {
		o.Round = round
	}
	if o.Rounds <= 0 {
		o.Rounds = rounds
	}
	if o.Rows <= 0 {
		o.Rows = rows
	}
	if o.Hold <= 0 {
		o.Hold = hold
	}
	return o
}

// inDatabase is the connection string for another database of the same server.
func inDatabase(s, name string) string {
	if u, err := url.Parse(s); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		u.Path = "/" + name
		q := u.Query()
		q.Del("dbname")
		q.Del("database")
		u.RawQuery = q.Encode()
		return u.String()
	}
	return s + " dbname=" + name
}

func (b *bench) exec(ctx context.Context, sql string, args ...any) error {
	_, err := b.pool.Exec(ctx, sql, args...)
	return err
}

// fresh is a name that was not used before in this run.
func (b *bench) fresh(prefix string) string {
	b.serial++
	return fmt.Sprintf("%s_%d", prefix, b.serial)
}
