package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah"
)

// document is about 150 bytes of JSON.
func document(n int) string {
	return fmt.Sprintf(`{"name": "customer %d", "segment": "student", "city": "Milwaukee", "zip": "%05d", "limit_cents": %d, "since": "2024-05-01", "note": "%s"}`,
		n, n%100000, n, filler[:30])
}

func documentKey(n int) string { return fmt.Sprintf("c-%06d", n) }

// documents fills a collection, and the ordinary table that it is measured against, with as many documents as there are
// rows to consume, at most 100,000.
func (b *bench) documents(ctx context.Context) (name string, n int, err error) {
	name, n = b.fresh("documents"), min(b.o.Rows, 100_000)
	if _, err := b.db.CreateCollection(ctx, name); err != nil {
		return "", 0, err
	}
	for _, sql := range []string{
		fmt.Sprintf(`create table plain.%s (key text primary key, doc jsonb not null)`, name),
		fmt.Sprintf(`insert into docs.%s (key, doc) select 'c-' || lpad(i::text, 6, '0'), jsonb_set($1::text::jsonb, '{limit_cents}', to_jsonb(i)) from generate_series(0, $2::int - 1) i`, name),
		fmt.Sprintf(`insert into plain.%s select key, doc from docs.%s`, name, name),
	} {
		args := []any{document(7), n}
		if !strings.Contains(sql, "$2") {
			args = nil
		}
		if err := b.exec(ctx, sql, args...); err != nil {
			return "", 0, err
		}
	}
	return name, n, b.vacuum(ctx, "docs."+name, "plain."+name)
}

// vacuum vacuums tables, as autovacuum would sooner or later, so that it does not happen while one arm is measured.
func (b *bench) vacuum(ctx context.Context, tables ...string) error {
	for _, t := range tables {
		if err := b.exec(ctx, "vacuum analyze "+t); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) dropDocuments(ctx context.Context, name string) error {
	return errors.Join(b.db.DropCollection(ctx, name), b.exec(ctx, "drop table plain."+name))
}

// get compares reading documents by key with reading an ordinary table by its primary key, on 4 connections, and 100 keys
// in one call with 100 calls, on one.
func (b *bench) get(ctx context.Context) error {
	name, n, err := b.documents(ctx)
	if err != nil {
		return err
	}
	one := func(sql string, conns int) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			return b.parallel(ctx, conns, b.o.Round, func(ctx context.Context, c *pgxpool.Conn) (int, error) {
				var doc []byte
				return 1, c.QueryRow(ctx, sql, documentKey(rand.IntN(n))).Scan(&doc)
			})
		}
	}
	many := func(sql string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			return b.parallel(ctx, 1, b.o.Round, func(ctx context.Context, c *pgxpool.Conn) (int, error) {
				keys := make([]string, 100)
				for i := range keys {
					keys[i] = documentKey(rand.IntN(n))
				}
				rows, err := c.Query(ctx, sql, keys)
				if err != nil {
					return 0, err
				}
				defer rows.Close()
				var doc []byte
				for rows.Next() {
					if err := rows.Scan(nil, &doc); err != nil {
						return 0, err
					}
				}
				return len(keys), rows.Err()
			})
		}
	}
	got, err := b.interleave(ctx, []arm{
		{"plain", one(fmt.Sprintf("select doc from plain.%s where key = $1", name), 4)},
		{"table", one(fmt.Sprintf("select doc from docs.%s where key = $1", name), 4)},
		{"get", one(fmt.Sprintf("select howdah.get('%s', $1)", name), 4)},
		{"alone", one(fmt.Sprintf("select howdah.get('%s', $1)", name), 1)},
		{"many", many(fmt.Sprintf("select key, doc from howdah.get_many('%s', $1)", name))},
		{"plain alone", one(fmt.Sprintf("select doc from plain.%s where key = $1", name), 1)},
		{"plain many", many(fmt.Sprintf("select key, doc from plain.%s where key = any($1)", name))},
		{"go", func(ctx context.Context) (float64, error) {
			return b.parallel(ctx, 4, b.o.Round, func(ctx context.Context, _ *pgxpool.Conn) (int, error) {
				_, err := b.db.Collection(name).Get(ctx, documentKey(rand.IntN(n)))
				return 1, err
			})
		}},
	})
	if err != nil {
		return err
	}
	b.compare("get", "select from docs.<collection>", "/s", got["table"], "ordinary table", got["plain"], atLeast(0.9))
	b.compare("get", "howdah.get", "/s", got["get"], "ordinary table", got["plain"], nil)
	b.compare("get", "Collection.Get", "/s", got["go"], "ordinary table", got["plain"], nil)
	b.compare("get", "howdah.get_many, 100 keys, one connection", "/s", got["many"], "howdah.get", got["alone"], atLeast(20))
	b.compare("get", "ordinary table, key = any(100 keys)", "/s", got["plain many"], "key = $1", got["plain alone"], nil)
	b.compare("get", "howdah.get_many", "/s", got["many"], "key = any(100 keys)", got["plain many"], nil)
	return b.dropDocuments(ctx, name)
}

// put compares putting documents, with their history, with an upsert into an ordinary table: single rows on 16 connections, and
// batches of 1,000 on 2.
func (b *bench) put(ctx context.Context) error {
	name, n, err := b.documents(ctx)
	if err != nil {
		return err
	}
	upsert := fmt.Sprintf("insert into plain.%s (key, doc) values ($1, $2) on conflict (key) do update set doc = excluded.doc", name)
	single := func(sql string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			return b.parallel(ctx, 16, b.o.Round, func(ctx context.Context, c *pgxpool.Conn) (int, error) {
				i := rand.IntN(n)
				_, err := c.Exec(ctx, sql, documentKey(i), document(i))
				return 1, err
			})
		}
	}
	batches := func(sql string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			return b.parallel(ctx, 2, b.o.Round, func(ctx context.Context, c *pgxpool.Conn) (int, error) {
				keys, docs := make([]string, batchRows), make([]string, batchRows)
				start := rand.IntN(n) // every key once, in the order of the keys
				for i := range keys {
					keys[i] = documentKey((start + i) % n)
				}
				slices.Sort(keys)
				for i := range docs {
					docs[i] = document(start + i)
				}
				_, err := c.Exec(ctx, sql, keys, docs)
				return batchRows, err
			})
		}
	}
	plainBatch := fmt.Sprintf(`insert into plain.%s (key, doc) select * from unnest($1::text[], $2::text[]::jsonb[])
		on conflict (key) do update set doc = excluded.doc`, name)
	putBatch := fmt.Sprintf("select howdah.put_many('%s', $1::text[], $2::text[]::jsonb[])", name)
	got, err := b.interleave(ctx, []arm{
		{"plain", single(upsert)},
		{"put", single(fmt.Sprintf("select howdah.put('%s', $1, $2)", name))},
		{"table", single(strings.Replace(upsert, "plain.", "docs.", 1))},
		{"plain batches", batches(plainBatch)},
		{"put batches", batches(putBatch)},
	})
	if err != nil {
		return err
	}
	b.compare("put", "howdah.put, one a transaction, 16 connections", "/s", got["put"], "plain upsert", got["plain"], atLeast(0.3))
	b.compare("put", "upsert into docs.<collection>", "/s", got["table"], "plain upsert", got["plain"], nil)
	b.compare("put", "howdah.put_many, batches of 1,000", "/s", got["put batches"], "plain upsert", got["plain batches"], atLeast(0.3))
	return b.dropDocuments(ctx, name)
}

// join measures the point-in-time join of events with a collection whose documents have ten versions each, against the same
// join written by hand on the history's table.
func (b *bench) join(ctx context.Context) error {
	name, keys := b.fresh("documents"), max(b.o.Rows/10, 100)
	if _, err := b.db.CreateCollection(ctx, name, howdah.GivenTimes()); err != nil {
		return err
	}
	// Ten rounds, nine days apart, each known an hour after it is true.
	for version := range 10 {
		err := b.exec(ctx, fmt.Sprintf(`insert into docs.%s as d (key, doc, valid_from, updated_at)
			select 'c-' || lpad(i::text, 6, '0'), jsonb_set($1::text::jsonb, '{limit_cents}', to_jsonb(i)), t, t + interval '1 hour'
			from generate_series(0, $2::int - 1) i, lateral (select timestamptz '2025-01-01 00:00Z' + $3::int * interval '9 days' + i %% 1000 * interval '1 minute') x (t)
			on conflict (key) do update set doc = excluded.doc, valid_from = excluded.valid_from, updated_at = excluded.updated_at`, name),
			document(7), keys, version)
		if err != nil {
			return err
		}
	}
	err := b.exec(ctx, fmt.Sprintf(`create table plain.%s as select i as id, 'c-' || lpad(((i::bigint * 7919) %% $1::int)::text, 6, '0') as key,
		timestamptz '2025-01-01 00:00Z' + (i::bigint * 104729 %% 7776000) * interval '1 second' as event_time from generate_series(1, $2::int) i`, name), keys, b.o.Rows)
	if err != nil {
		return err
	}
	var history string
	if err := b.pool.QueryRow(ctx, "select history::text from howdah.collection where name = $1", name).Scan(&history); err != nil {
		return err
	}
	if err := b.vacuum(ctx, "docs."+name, "plain."+name, history); err != nil {
		return err
	}
	timed := func(sql string) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			start := time.Now()
			err := b.exec(ctx, sql)
			return time.Since(start).Seconds(), err
		}
	}
	stream := func(ctx context.Context) (float64, error) {
		start := time.Now()
		rows, err := b.pool.Query(ctx, "select key, event_time from plain."+name)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		found := 0
		for j, err := range b.db.JoinAsOf(ctx, func(yield func(howdah.Moment) bool) {
			for rows.Next() {
				m := howdah.Moment{Keys: make([]string, 1)}
				if rows.Scan(&m.Keys[0], &m.Time) != nil || !yield(m) {
					return
				}
			}
		}, howdah.Lookup{Collection: name, TTL: 30 * 24 * time.Hour}) {
			if err != nil {
				return 0, err
			}
			if j.Docs[0].Doc != nil {
				found++
			}
		}
		if found == 0 {
			return 0, errors.New("the join found nothing")
		}
		return time.Since(start).Seconds(), rows.Err()
	}
	got, err := b.interleave(ctx, []arm{
		{"as_of", timed(fmt.Sprintf(`select count(*), sum((c.doc ->> 'limit_cents')::bigint) from plain.%s e left join lateral docs.%s_as_of(e.key, e.event_time, interval '30 days') c on true`, name, name))},
		{"by hand", timed(fmt.Sprintf(`select count(*), sum((c.doc ->> 'limit_cents')::bigint) from plain.%s e left join lateral (
			select h.doc, h.valid_from from %s h where h.key = e.key and h.valid_from <= e.event_time and h.known_at <= e.event_time
			order by h.valid_from desc, h.known_at desc limit 1) c on c.valid_from >= e.event_time - interval '30 days'`, name, history))},
		{"go", stream},
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s events, %s keys, 10 versions", number(float64(b.o.Rows)), number(float64(keys)))
	b.compare("join", what, "s", got["as_of"], "by hand", got["by hand"], atMost(1.5))
	b.value("join", what, "s", got["as_of"], atMost(10))
	b.value("join", "the same, streamed through Go", "s", got["go"], nil)
	return b.dropDocuments(ctx, name)
}
