package schema_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestPlainSQL: documents change with plain SQL, in every form, and what an application states of version and times that are not
// its own to state is put right.
func TestPlainSQL(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_collection('things')")
	must(t, conn, "insert into docs.things (key, doc, version, updated_at) select 'k' || i, '{}', 99, '2020-01-01Z' from generate_series(1, 5) i")
	if n := one[int](t, conn, "select count(*) from docs.things where version = 1 and updated_at > now() - interval '1 minute'"); n != 5 {
		t.Errorf("%d of 5 documents have their own version and time", n)
	}
	must(t, conn, "update docs.things set version = 77, updated_at = '2020-01-01Z', doc = '{\"a\": 1}' where key = 'k1'")
	must(t, conn, "delete from docs.things")
	must(t, conn, "insert into docs.things (key, doc) select 'k' || i, '{}' from generate_series(1, 7) i")
	if v := one[int64](t, conn, "select sum(version) from docs.things"); v != 4+3+3+3+3+1+1 {
		t.Errorf("versions after a reload sum up to %d", v)
	}
	must(t, conn, "with gone as (delete from docs.things where key = 'k2' returning *) insert into docs.things (key, doc) select 'k9', doc from gone")
	must(t, conn, "insert into docs.things (key, doc) values ('k3', '{\"b\": 1}'), ('k10', '{}') on conflict (key) do update set doc = excluded.doc")
	must(t, conn, "insert into docs.things (key, doc) values ('k3', '{\"b\": 2}') on conflict do nothing")
	code(t, conn, "22023", "update docs.things set key = 'other' where key = 'k3'")
	code(t, conn, "55006", "truncate docs.things")
	code(t, conn, "23514", "insert into docs.things (key, doc) values ('x', '[1]')")
	code(t, conn, "23514", "insert into docs.things (key, doc) values ('', '{}')")
	// In one transaction with one statement's time each, and savepoints that are rolled back.
	must(t, conn, "begin; update docs.things set doc = '{\"c\": 1}'; savepoint s; delete from docs.things; rollback to s; delete from docs.things where key = 'k4'; insert into docs.things (key, doc) values ('k4', '{}'); commit")
	must(t, conn, "do $$ begin delete from docs.things where key = 'k5'; insert into docs.things (key, doc) values ('k5', '{}'); update docs.things set doc = '{\"d\": 1}' where key = 'k5'; end $$")
	checkAll(t, conn)
}

// TestLongNames: what belongs to collections with names of 63 bytes does not meet.
func TestLongNames(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, name := range []string{strings.Repeat("a", 63), strings.Repeat("a", 62) + "b", "a.b-c", "h1", "history_1", "a_as_of", "a"} {
		must(t, conn, "select howdah.create_collection($1)", name)
		must(t, conn, "select howdah.put($1, 'k', jsonb_build_object('n', $1::text))", name)
		must(t, conn, "select howdah.index_collection($1)", name)
		must(t, conn, "select howdah.index_collection($1)", name)
		if got := one[string](t, conn, "select howdah.get($1, 'k', clock_timestamp()) ->> 'n'", name); got != name {
			t.Errorf("%s holds %s", name, got)
		}
		if n := one[int](t, conn, "select count(*) from howdah.find($1, jsonb_build_object('n', $1::text))", name); n != 1 {
			t.Errorf("%s finds %d", name, n)
		}
	}
	must(t, conn, "select howdah.drop_collection('a')")
	code(t, conn, "42704", "select howdah.get('a', 'k')")
	must(t, conn, "select howdah.create_collection('a')")
	if n := one[int](t, conn, "select count(*) from howdah.history('a', 'k')"); n != 0 {
		t.Errorf("%d versions of what was dropped", n)
	}
}

// TestDeleteBeforeItIsTrue: a document that is true only later is deleted from now on, also where now is stated.
func TestDeleteBeforeItIsTrue(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_collection('clock')")
	must(t, conn, "select howdah.create_collection('given', known_at => 'given')")
	must(t, conn, "select howdah.put('clock', 'k', '{}', valid_from => now() + interval '1 hour')")
	must(t, conn, "select howdah.put('given', 'k', '{}', valid_from => '2030-01-01Z', known_at => '2024-01-01Z')")
	for _, sql := range []string{
		"select howdah.delete('clock', 'k', valid_from => statement_timestamp())",
		"select howdah.delete('given', 'k', valid_from => '2025-01-01Z', known_at => '2025-01-01Z')",
	} {
		if !one[bool](t, conn, sql) {
			t.Errorf("%s: nothing was there", sql)
		}
	}
	if n := one[int](t, conn, "select (select count(*) from docs.clock) + (select count(*) from docs.given)"); n != 0 {
		t.Errorf("%d documents are left", n)
	}
	checkAll(t, conn)
}

func TestExpiry(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_collection('things')")
	must(t, conn, "select howdah.put('things', 'k', '{}', expires_at => clock_timestamp() + interval '50 ms')")
	must(t, conn, "select howdah.put('things', 'stays', '{}', expires_at => clock_timestamp() + interval '1 hour')")
	until := one[time.Time](t, conn, "select expires_at from docs.things where key = 'k'")
	must(t, conn, "select pg_sleep(0.06)")
	for sql, want := range map[string]int{
		"select count(howdah.get('things', 'k'))": 0, "select count(*) from howdah.get_many('things', '{k,stays}')": 1,
		"select count(*) from howdah.scan('things')": 1, "select count(*) from howdah.find('things', '{}')": 1, "select count(*) from docs.things": 2,
	} {
		if n := one[int](t, conn, sql); n != want {
			t.Errorf("%s: %d, not %d", sql, n, want)
		}
	}
	code(t, conn, "HW005", "select howdah.put('things', 'k', '{}', if_version => 1)")
	must(t, conn, "select howdah.upkeep()")
	if n := one[int](t, conn, "select count(*) from docs.things"); n != 1 {
		t.Errorf("%d documents after upkeep", n)
	}
	if at := one[time.Time](t, conn, "select valid_from from howdah.history('things', 'k') limit 1"); !at.Equal(until) {
		t.Errorf("gone since %v, not %v", at, until)
	}
	if v := one[int64](t, conn, "select howdah.put('things', 'k', '{}', if_version => 0)"); v != 3 {
		t.Errorf("version %d", v)
	}
}

// TestDocumentsTogether: many write one key and a few others at the same time, in transactions that overlap, with deletions and late
// versions: every change is counted, none is lost, and the history is in order.
func TestDocumentsTogether(t *testing.T) {
	url := newDatabase(t)
	conn := connect(t, url)
	must(t, conn, "select howdah.create_collection('things', 'changes')")
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		c := connect(t, url)
		wg.Go(func() {
			for i := range each {
				key := []string{"hot", "hot", fmt.Sprint(i % 3)}[i%3]
				sql := []string{"select howdah.put('things', $1, '{\"n\": 1}')",
					"insert into docs.things (key, doc) values ($1, '{}') on conflict (key) do update set doc = excluded.doc",
					"select howdah.delete('things', $1)", "select howdah.put('things', $1, '{\"late\": 1}', now() - interval '1 hour')",
					"select howdah.put_many('things', array[$1, 'other', $1], array['{}', '{}', '{}']::jsonb[])"}[(w+i)%5]
				if _, err := c.Exec(context.Background(), sql, key); err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}
		})
	}
	wg.Wait()
	// Compare-and-set: of those who have read the same version, one wins.
	must(t, conn, "select howdah.put('things', 'count', '{\"n\": 0}')")
	var conflicts int
	var mu sync.Mutex
	for range 4 {
		c := connect(t, url)
		wg.Go(func() {
			for done := 0; done < 25; {
				var v, n int64
				if err := c.QueryRow(context.Background(), "select version, (doc ->> 'n')::bigint from docs.things where key = 'count'").Scan(&v, &n); err != nil {
					t.Error(err)
					return
				}
				_, err := c.Exec(context.Background(), "select howdah.put('things', 'count', jsonb_build_object('n', $1::bigint), if_version => $2)", n+1, v)
				if err == nil {
					done++
					continue
				}
				if !strings.Contains(err.Error(), "HW005") {
					t.Error(err)
					return
				}
				mu.Lock()
				conflicts++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if n := one[int](t, conn, "select (howdah.get('things', 'count') ->> 'n')::int"); n != 100 {
		t.Errorf("100 increments and %d conflicts make %d", conflicts, n)
	}
	checkAll(t, conn)
}

// TestKnownUntil: an open transaction holds back the time up to which answers are final, and nothing it commits lies below.
func TestKnownUntil(t *testing.T) {
	url := newDatabase(t)
	conn, writer := connect(t, url), connect(t, url)
	must(t, conn, "select howdah.create_collection('things')")
	must(t, writer, "begin")
	must(t, writer, "select howdah.put('things', 'k', '{}')")
	final := one[time.Time](t, conn, "select howdah.known_until('things')")
	must(t, writer, "commit")
	if known := one[time.Time](t, conn, "select updated_at from docs.things"); !known.After(final) {
		t.Errorf("final until %v, and known at %v", final, known)
	}
	if later := one[time.Time](t, conn, "select howdah.known_until('things')"); !later.After(final) {
		t.Errorf("%v after %v", later, final)
	}
}

func TestDocumentRights(t *testing.T) {
	url := newDatabase(t)
	owner := connect(t, url)
	for _, sql := range []string{"select howdah.create_collection('things', 'changes')", "select howdah.create_collection('other')",
		"select howdah.put('things', 'k', '{\"secret\": 1}')", "select howdah.put('things', 'k', '{\"secret\": 2}')"} {
		must(t, owner, sql)
	}
	t.Run("nobody", func(t *testing.T) {
		conn, _ := as(t, url, "nobody")
		for _, sql := range []string{
			"select * from docs.things", "insert into docs.things (key, doc) values ('x', '{}')", "update docs.things set doc = '{}'", "delete from docs.things",
			"select howdah.get_document('things', 'k')", "select howdah.get('things', 'k')", "select howdah.get('things', 'k', now())", "select howdah.get_valid_at('things', 'k', now())",
			"select * from howdah.get_many('things', '{k}')", "select * from howdah.read_documents('things', '{k}')", "select * from howdah.get_documents('things', '{k}')", "select * from howdah.scan('things')",
			"select * from howdah.find('things', '{}')", "select * from howdah.history('things', 'k')", "select * from docs_history.things",
			"select * from docs.things_as_of('k', now())", "select * from docs.things_valid_at('k', now())", "select * from howdah.join_as_of('things', '{k}', array[now()])",
			"select howdah.put('things', 'k', '{}')", "select howdah.put('things', 'k', '{}', if_version => 2)", "select howdah.put_many('things', '{k}', array['{}'::jsonb])",
			"select howdah.patch('things', 'k', '{}')", "select howdah.delete('things', 'k')", "select howdah_docs.put_1('k', '{}', null, null, null, null)",
			"select howdah.create_collection('mine')", "select howdah.drop_collection('things')", "select howdah.publish_changes('things', null)",
			"select howdah.index_collection('things')", "select howdah.known_until('things')", "select * from howdah_docs.history_1", "select * from howdah.collection",
			"insert into howdah.mending values (pg_current_xact_id(), 1)", "select howdah.expire_documents()", "select howdah.install_dispatch()",
			"select howdah_docs.mend_1('{k}')", "create table docs.mine ()", "create table mine (x int) inherits (docs.things)",
		} {
			if _, err := conn.Exec(context.Background(), sql); err == nil {
				t.Errorf("nobody may: %s", sql)
			}
		}
		code(t, conn, "42501", "create temp table mine (key text, doc jsonb); create trigger x after insert on mine for each statement execute function howdah_docs.insert_1()")
		if n := one[int](t, conn, "select count(*) from howdah.collections where collection = 'things'"); n != 1 {
			t.Error("collections are not listed")
		}
	})
	t.Run("reader", func(t *testing.T) {
		conn, role := as(t, url, "reader")
		must(t, owner, "grant select on docs.things to "+role)
		for _, sql := range []string{"select * from docs.things", "select * from docs_history.things", "select howdah.get('things', 'k', now())",
			"select * from docs.things_as_of('k', now())", "select * from howdah.history('things', 'k')", "select howdah.known_until('things')"} {
			must(t, conn, sql)
		}
		for _, sql := range []string{"select howdah.put('things', 'k', '{}')", "select howdah.delete('things', 'k')", "select howdah.get('other', 'k')",
			"insert into docs_history.things (key) values ('k')"} {
			code(t, conn, "42501", sql)
		}
	})
	t.Run("writer", func(t *testing.T) {
		conn, role := as(t, url, "writer")
		must(t, owner, "grant select, insert, update, delete on docs.things to "+role)
		must(t, conn, "select howdah.put('things', 'w', '{}')")
		must(t, conn, "select howdah.delete('things', 'w')")
		must(t, conn, "select howdah.put('things', 'w', '{}', now() - interval '1 day')") // late, and of a key that is gone
		must(t, conn, "select howdah.put('things', 'k', '{\"secret\": 3}', now() - interval '1 day')")
		must(t, conn, "insert into docs.things (key, doc) values ('w', '{}')")
		// The settings by which Howdah's functions talk to each other give nothing away.
		number := one[string](t, owner, "select number::text from howdah.collection where name = 'things'")
		must(t, conn, "select set_config('howdah.mending', $1, false), set_config('howdah.delete', '2020-01-01Z,2020-01-01Z', false)", number)
		must(t, conn, "update docs.things set doc = '{\"forged\": 1}', version = 1000, updated_at = '2020-01-01Z' where key = 'w'")
		must(t, conn, "delete from docs.things where key = 'w'")
		code(t, conn, "42501", "select * from events.changes")
	})
	t.Run("rows", func(t *testing.T) {
		conn, role := as(t, url, "rows")
		must(t, owner, "grant select on docs.other to "+role)
		must(t, owner, "select howdah.put('other', 'k', '{}')")
		must(t, owner, "alter table docs.other enable row level security")
		if n := one[int](t, conn, "select count(howdah.get('other', 'k'))"); n != 0 {
			t.Error("row-level security hides nothing from howdah.get")
		}
		code(t, conn, "42501", "select howdah.get('other', 'k', now())")
		must(t, owner, "alter table docs.other disable row level security")
	})
	if n := one[int](t, owner, "select count(*) from docs_history.things where known_at < now() - interval '1 hour' or version > 20"); n != 0 {
		t.Errorf("%d versions are forged", n)
	}
	checkAll(t, owner)
}

// TestDocumentPlans: no call reads more than it is about, before the tables are analyzed and after, also in a session whose plans were
// made when the history was small.
func TestDocumentPlans(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_collection('things')")
	must(t, conn, "select howdah.index_collection('things')")
	for i := range 60 { // the plans of this session are made now
		must(t, conn, "select howdah.put('things', $1, '{}')", fmt.Sprint("first", i%20))
		must(t, conn, "select howdah.get('things', $1)", fmt.Sprint("first", i))
		must(t, conn, "select howdah.get('things', $1, now())", fmt.Sprint("first", i))
	}
	must(t, conn, "vacuum analyze docs.things")
	must(t, conn, "vacuum analyze howdah_docs.history_1")
	const n = 50000
	must(t, conn, "select howdah.put_many('things', array_agg('k' || i), array_agg(jsonb_build_object('n', i))) from generate_series(1, $1::int) i", n)
	for _, analyzed := range []bool{false, true} {
		if analyzed {
			must(t, conn, "vacuum analyze docs.things")
			must(t, conn, "vacuum analyze howdah_docs.history_1")
		}
		for sql, limit := range map[string]int{
			"select howdah.get('things', 'k77')": 3, "select howdah.get('things', 'k77', now())": 5, "select howdah.get_valid_at('things', 'k77', now())": 5,
			"select * from howdah.get_many('things', (select array_agg('k' || i) from generate_series(1, 100) i))":        220,
			"select * from howdah.get_many('things', (select array_agg('k' || i) from generate_series(1, 100) i), now())": 300,
			"select * from howdah.scan('things', 'k77', max_rows => 100)":                                                 220, "select * from howdah.scan('things', max_rows => 10)": 30,
			"select * from howdah.find('things', '{\"n\": 77}')": 5, "select * from howdah.history('things', 'k77')": 30,
			"select howdah.put('things', 'k78', '{}')": 15, "select howdah.put('things', 'k78', '{}', now() - interval '1 day')": 20,
			"select howdah.put('things', 'k79', '{}', if_version => (select version from docs.things where key = 'k79'))": 15,
			"select howdah.put('things', 'new' || random(), '{}')":                                                        10, "select howdah.patch('things', 'k77', '{\"a\": 1}')": 15,
			"select howdah.delete('things', 'k' || (10000 + 10000 * random())::int)": 15, "insert into docs.things (key, doc) values (random()::text, '{}')": 10,
			"update docs.things set doc = '{}' where key = 'k80'": 10,
			"select * from howdah.join_as_of('things', (select array_agg('k' || i) from generate_series(1, 500) i), array_fill(now(), array[500]))": 1100,
			"select count(*) from generate_series(1, 500) i, lateral docs.things_as_of('k' || i, now(), '1 day') d":                                 1100,
		} {
			lookedAt(t, conn, analyzed, limit, sql)
		}
		must(t, conn, "insert into docs.things (key, doc, expires_at) select 'old' || i || $1::boolean, '{}', now() from generate_series(1, 100) i", analyzed)
		lookedAt(t, conn, analyzed, 1500, "select howdah.expire_documents()")
	}
	rows, err := conn.Query(t.Context(), "explain (costs off) select count(d.doc) from docs.things e left join lateral docs.things_as_of(e.key, e.updated_at, '1 day') d on true")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(plan, "Index Scan Backward using history_1_pkey") || strings.Contains(plan, "Function Scan") {
		t.Errorf("the join is not one plan:\n%s", plan)
	}
}

// lookedAt runs a statement and reads this session's counters of documents and history before and after it.
func lookedAt(t *testing.T, conn *pgx.Conn, analyzed bool, limit int, sql string) {
	t.Helper()
	const counted = `select coalesce(sum(seq_tup_read), 0)::bigint, coalesce(sum(idx_tup_fetch), 0)::bigint from pg_stat_xact_user_tables where schemaname in ('docs', 'howdah_docs')`
	must(t, conn, "begin")
	defer must(t, conn, "commit")
	var scanned, fetched, scannedAfter, fetchedAfter int
	if err := conn.QueryRow(t.Context(), counted).Scan(&scanned, &fetched); err != nil {
		t.Fatal(err)
	}
	must(t, conn, sql)
	if err := conn.QueryRow(t.Context(), counted).Scan(&scannedAfter, &fetchedAfter); err != nil {
		t.Fatal(err)
	}
	if scannedAfter > scanned || fetchedAfter-fetched > limit {
		t.Errorf("%s\n\tanalyzed %v: scans %d rows and fetches %d", sql, analyzed, scannedAfter-scanned, fetchedAfter-fetched)
	}
}
