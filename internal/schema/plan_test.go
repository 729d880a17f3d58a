package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestPlans calls everything that workers and operators call on a big database and reads from PostgreSQL's counters,
// for the calling transaction alone, how the rows were found: never by a sequential scan of events or of consumers'
// state, and only about as many rows as the call is about. That holds before the tables are analyzed, and after.
func TestPlans(t *testing.T) {
	events, claims, letters := 1000000, 100000, 10000
	if testing.Short() {
		events, claims, letters = 100000, 10000, 2000
	}
	conn := connect(t, newDatabase(t))
	load(t, conn, events, claims, letters)
	for _, analyzed := range []bool{false, true} {
		if analyzed {
			for _, table := range []string{"events.things", "events.parts", "events.kept", "howdah.claims", "howdah.pending", "howdah.dead"} {
				must(t, conn, "vacuum analyze "+table)
			}
			must(t, conn, "select brin_summarize_new_values('events.things_received_at_idx')") // also where VACUUM was kept from it
		}
		callAll(t, conn, analyzed, events, claims, letters)
	}
}

// A session that began when the tables of consumers' state were empty keeps its plans while they grow: they do not scan then.
func TestPlansOfYoungTables(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_topic('things')")
	must(t, conn, "select howdah.create_consumer('worker', 'things')")
	must(t, conn, "insert into events.things (payload) select '{}' from generate_series(1, 2000)")
	must(t, conn, "vacuum analyze howdah.claims, howdah.pending, howdah.dead, howdah.extension")
	work := func() {
		t.Helper()
		claim := func() (id int64) {
			t.Helper()
			measured(t, conn, false, 100, "select max(claim_id) from howdah.claim('worker', 10)", nil, &id)
			return id
		}
		whole, parts := claim(), claim()
		first := one[int64](t, conn, "select first_id from howdah.claims where claim_id = $1", parts)
		for _, call := range []struct {
			sql  string
			args []any
		}{
			{"select howdah.extend($1)", []any{whole}},
			{"select howdah.ack($1)", []any{whole}},
			{"select howdah.ack($1, $2)", []any{parts, []int64{first}}},
			{"select howdah.nack($1, $2, 'no', '1 hour')", []any{parts, []int64{first + 1}}},
			{"select howdah.release($1)", []any{parts}},
			{"select * from howdah.watch('worker')", nil},
			{"select * from howdah.reserve_next(1, '{worker}', '{0}', '{10}', '{null}')", nil},
		} {
			measured(t, conn, false, 100, call.sql, call.args, nil)
		}
	}
	for range 10 {
		work()
	}
	// Many claims of a consumer of its own, and nothing that has statistics made anew.
	must(t, conn, "select howdah.create_consumer('busy', 'things')")
	must(t, conn, `insert into howdah.claims (claim_id, consumer, lane, first_id, last_id, held, attempts, lease_until, ended_at, outcome,
			head, stable, open, floor_at, floor_seq)
		select nextval('howdah.claim_number') << 20, c.number, 0, 1, 1, 1, 0, now(), now(), 'acked', 2, 2000, '{}', '-infinity', 0
		from howdah.consumer c, generate_series(1, 20000) i where c.name = 'busy'`)
	must(t, conn, `insert into howdah.pending (consumer, lane, queue_at, due, first_id, last_id, events, attempts)
		select number, 0, now() + interval '1 hour', now(), 1, 1, 1, 1 from howdah.consumer, generate_series(1, 20000) i where name = 'busy'`)
	for range 3 {
		work()
	}
	must(t, conn, "select howdah.drop_consumer('busy')") // howdah.check would not find its claims in order
}

// The same of collections and buckets: their plans are made on empty tables that have been analyzed, and kept while these fill.
func TestPlansOfYoungCollections(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_collection('things')")
	must(t, conn, "select howdah.create_collection('given', known_at => 'given')")
	must(t, conn, "vacuum analyze")
	for _, table := range []string{"docs.things", "docs.given", "howdah_docs.history_1", "howdah_docs.history_2"} {
		must(t, conn, "alter table "+table+" set (autovacuum_enabled = off)") // it would make the plans anew
	}
	serial := 0
	work := func(call func(sql string, args ...any)) {
		t.Helper()
		serial++
		fresh := fmt.Sprintf("n%06d", serial)
		for _, collection := range []string{"things", "given"} {
			call("select howdah.put($1, $2, '{}')", collection, fresh)
			call("select howdah.put($1, $2, '{\"a\": 1}')", collection, fresh)
			call("select howdah.put($1, $2, '{}', valid_from => '2020-01-01Z')", collection, fresh)
			call("select howdah.put($1, $2, '{}', if_version => 3)", collection, fresh)
			call("select howdah.patch($1, $2, '{\"a\": 1}')", collection, fresh)
			call("select howdah.put_many($1, $2, array['{}', '{}']::jsonb[])", collection, []string{fresh, "m" + fresh})
			call("select howdah.get($1, $2)", collection, fresh)
			call("select howdah.get($1, $2, now())", collection, fresh)
			call("select howdah.get_document($1, $2)", collection, fresh)
			call("select howdah.get_valid_at($1, $2, now())", collection, fresh)
			call("select * from howdah.get_many($1, array[$2, 'k000001', 'k000002'])", collection, fresh)
			call("select * from howdah.get_many($1, array[$2, 'k000001', 'k000002'], now())", collection, fresh)
			call("select * from howdah.read_documents($1, array[$2, 'k000001', 'k000002'])", collection, fresh)
			call("select * from howdah.read_documents($1, array[$2, 'k000001', 'k000002'], now())", collection, fresh)
			call("select * from howdah.read_documents($1, array[$2, 'k000001', 'k000002'], valid_at => now())", collection, fresh)
			call("select * from howdah.join_as_of($1, array[$2, 'k000001'], array[now(), now()], '1 day')", collection, fresh)
			call("select * from howdah.scan($1, 'k00', max_rows => 10)", collection)
			call("select * from howdah.history($1, $2)", collection, fresh)
			call("select howdah.delete($1, $2)", collection, fresh)
			call("select howdah.put($1, $2, '{}')", collection, fresh) // counts on from the deletion
			call("select howdah.delete($1, $2, valid_from => '2020-01-02Z')", collection, fresh)
			for _, sql := range []string{
				"insert into docs.%s (key, doc) values ('p' || $1, '{}') on conflict (key) do update set doc = excluded.doc",
				"select * from docs.%s_as_of('p' || $1, now())",
			} {
				call(fmt.Sprintf(sql, collection), fresh)
			}
		}
		call("select howdah.expire_documents()")
	}
	for range 10 {
		work(func(sql string, args ...any) { t.Helper(); must(t, conn, sql, args...) })
	}
	for _, collection := range []string{"things", "given"} {
		must(t, conn, "insert into docs."+collection+" (key, doc) select 'k' || lpad(i::text, 6, '0'), '{}' from generate_series(1, 20000) i")
		must(t, conn, "update docs."+collection+" set doc = '{\"c\": 1}'")
	}
	for range 3 {
		work(func(sql string, args ...any) { t.Helper(); measured(t, conn, false, 100, sql, args, nil) })
	}
	checkAll(t, conn)
}

func TestPlansOfYoungBuckets(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, sql := range []string{"select howdah.create_bucket('plain')", "select howdah.create_bucket('kept', true, 1000000000)", "vacuum analyze"} {
		must(t, conn, sql)
	}
	for _, table := range []string{"object", "piece", "chunk", "upload", "part"} {
		must(t, conn, "alter table howdah."+table+" set (autovacuum_enabled = off)") // it would make the plans anew
	}
	work := func(call func(sql string, args ...any)) {
		t.Helper()
		for _, bucket := range []string{"plain", "kept"} {
			call("select howdah.put_object($1, 'a/b', 'one')", bucket)
			call("select howdah.put_object($1, 'a/b', 'two')", bucket)
			call("select howdah.copy_object($1, 'a/b', null, $1, 'a/c')", bucket)
			call("select howdah.tag_object($1, 'a/b', '{\"x\": \"y\"}')", bucket)
			call("select howdah.get_object($1, 'a/b')", bucket)
			call("select howdah.head_object($1, 'a/b')", bucket)
			call("select * from howdah.open_object($1, 'a/b', null, true)", bucket)
			call("select * from howdah.list_objects($1, 'a/', max_keys => 10)", bucket)
			call("select * from howdah.list_objects($1, delimiter => '/', max_keys => 10)", bucket)
			call("select * from howdah.list_versions($1, 'a/', max_keys => 10)", bucket)
			call("select howdah.delete_object($1, 'a/b')", bucket)

			piece := one[int64](t, conn, "select howdah.begin_piece($1)", bucket)
			call("select howdah.write_chunks($1, 0, array['one'::bytea])", piece)
			upload := one[string](t, conn, "select howdah.create_upload($1, 'a/big')", bucket)
			call("select howdah.put_part($1, 'a/big', $2, 1, $3, 3, '{\"md5\": \"f97c5d29941bfb1b2fdab0874906ab82\"}')", bucket, upload, piece)
			call("select * from howdah.list_parts($1, 'a/big', $2)", bucket, upload)
			call("select * from howdah.list_uploads($1, 'a/', max_uploads => 10)", bucket)
			call("select howdah.complete_upload($1, 'a/big', $2, '{1}', '{f97c5d29941bfb1b2fdab0874906ab82}')", bucket, upload)
			call("select * from howdah.read_chunks($1, 0, 10)", piece)
			call("select howdah.abort_upload($1, 'a/c', howdah.create_upload($1, 'a/c'))", bucket)
		}
	}
	for range 10 {
		work(func(sql string, args ...any) { t.Helper(); must(t, conn, sql, args...) })
	}
	for _, bucket := range []string{"plain", "kept"} {
		must(t, conn, "select count(howdah.put_object($1, 'k/' || i, 'one')) from generate_series(1, 1000) i", bucket)
		must(t, conn, `select count(howdah.put_part($1, 'k/' || i, howdah.create_upload($1, 'k/' || i), 1, howdah.begin_piece($1), 0,
			'{"md5": "d41d8cd98f00b204e9800998ecf8427e"}')) from generate_series(1, 1000) i`, bucket)
	}
	for range 3 {
		work(func(sql string, args ...any) { t.Helper(); measured(t, conn, false, 100, sql, args, nil) })
	}
}

// load makes three topics (plain, in partitions, in segments), and a consumer of the first one with as much state as
// years of work leave.
func load(t *testing.T, conn *pgx.Conn, events, claims, letters int) {
	must(t, conn, "update howdah.setting set value = $1 where name = 'segment_ids'", fmt.Sprint(events/20))
	for _, sql := range []string{
		"select howdah.create_topic('things')", "select howdah.create_topic('parts', 4)", "select howdah.create_topic('kept', 1, '1 day')",
		"select howdah.create_consumer('worker', 'things')", "select howdah.create_consumer('idle', 'things')",
		"select howdah.create_consumer('strict', 'parts', ordered => true)", "select howdah.create_consumer('keeper', 'kept')",
	} {
		must(t, conn, sql)
	}
	must(t, conn, "alter table events.things disable trigger howdah_guard") // it refuses times of arrival that are made up
	must(t, conn, `insert into events.things (key, payload, received_at) select 'k' || i % 1000, '{"a": 1}', now() - ($1::int - i) * interval '1 ms'
		from generate_series(1, $1::int) i`, events)
	must(t, conn, "alter table events.things enable always trigger howdah_guard")
	must(t, conn, "insert into events.parts (key, payload) select 'k' || i % 1000, '{}' from generate_series(1, $1::int) i", events/10)
	for range 3 {
		must(t, conn, "insert into events.kept (payload) select '{}' from generate_series(1, $1::int) i", events/20)
		must(t, conn, "select howdah.upkeep()")
	}
	must(t, conn, `insert into howdah.claims (claim_id, consumer, lane, first_id, last_id, held, attempts, lease_until, ended_at, outcome,
			head, stable, open, floor_at, floor_seq)
		select nextval('howdah.claim_number') << 20, c.number, 0, 5 * i - 4, 5 * i, 5, 0, now(), now(), 'acked', 5 * i + 1, $2::int, '{}', '-infinity', 0
		from howdah.consumer c, generate_series(1, $1::int) i where c.name = 'worker'`, claims, events)
	must(t, conn, `insert into howdah.dead select number, i, 0, 5, 'no', now() from howdah.consumer, generate_series(1, $1::int) i where name = 'worker'`, letters)
	must(t, conn, `insert into howdah.pending (consumer, lane, queue_at, due, first_id, last_id, events, attempts)
		select number, 0, at, at, i, i, 1, 1 from howdah.consumer, generate_series($1::int + 1, 2 * $1::int) i,
			lateral (select now() + case when i <= $1::int + 200 then interval '-1 hour' else interval '1 hour' end) x (at) where name = 'worker'`, letters)
}

func callAll(t *testing.T, conn *pgx.Conn, analyzed bool, events, claims, letters int) {
	claim := func(sql string) int64 {
		t.Helper()
		var id int64
		measured(t, conn, analyzed, 1500, sql, nil, &id)
		return id
	}
	call := func(rows int, sql string, args ...any) {
		t.Helper()
		measured(t, conn, analyzed, rows, sql, args, nil)
	}
	again := claim("select max(claim_id) from howdah.claim('worker', 100)") // from the pending ranges
	must(t, conn, "update howdah.pending set due = due + interval '2 hours', queue_at = queue_at + interval '2 hours' where queue_at < now()")
	head := claim("select max(claim_id) from howdah.claim('worker', 100)")
	first := one[int64](t, conn, "select first_id from howdah.claims where claim_id = $1", head)
	call(300, "select howdah.ack($1, $2)", head, []int64{first, first + 50})
	call(300, "select howdah.nack($1, $2, 'no')", head, []int64{first + 1, first + 2})
	call(300, "select howdah.extend($1)", head)
	call(300, "select howdah.ack($1)", head)
	call(300, "select howdah.nack($1, null, 'no', '1 hour')", again)
	call(300, "select howdah.release($1)", claim("select max(claim_id) from howdah.claim('worker', 100)"))
	claim("select max(claim_id) from howdah.claim('strict', 100)")
	claim("select max(claim_id) from howdah.claim('keeper', 100)")
	claim("select max(claim_id) from howdah.reserve('idle', 50, claims => 4)")
	claim("select max(claim_id) from howdah.reserve_next((select number from howdah.topic where name = 'things'), '{idle}', '{0}', '{50}', '{null}')")

	call(300, "select * from howdah.watch('worker')")
	call(300, "select * from howdah.watch('strict')")
	call(300, "select howdah.stable_id('things')")
	call(300, "select howdah.publish('things', '{}')")
	call(2000, "select * from howdah.topics")
	call(500, "select * from howdah.open_claims")
	call(1000, "select * from howdah.dead_letters where consumer = 'worker' and id = 7")
	call(10000, "select * from howdah.consumer_figures(100)")
	call(10000, "select * from howdah.problems()")
	call(300, "select * from howdah.dead_page('worker', null, 50, true)")
	call(300, "select * from howdah.dead_page('worker', 100, 50)")
	call(300, "select * from howdah.pending_page('worker')")
	call(2*letters+2500, "select * from howdah.seek_preview('worker', 'earliest')") // it counts dead letters up to 10,000, all and those above
	for _, topic := range []string{"things", "parts", "kept"} {
		call(300, "select * from howdah.find_ids($1)", topic)
		call(300, "select * from howdah.find_ids($1, 1000, 2000, false)", topic)
		call(5100, "select * from howdah.find_ids($1, key => 'nobody', look => 5000)", topic)
		call(5100, "select * from howdah.find_ids($1, contains => '{\"a\": 2}', look => 5000)", topic)
		call(300, "select howdah.id_at($1, now() - interval '1 min')", topic)
	}
	call(claims+2*letters, "select * from howdah.event_states('things', 7)") // it looks through the queue and the claims that are kept
	call(300, "select howdah.replay('worker', 11000, 11100)")
	call(300, "select howdah.redrive('worker', '{1,2,3}')")
	must(t, conn, "insert into howdah.dead select number, i, 0, 5, 'no', now() from howdah.consumer, generate_series(1, 3) i where name = 'worker' on conflict do nothing")
	must(t, conn, "delete from howdah.pending where first_id <= 3")
	for i, start := range []string{"earliest", "latest", fmt.Sprint(events / 2)} {
		call(300, "select howdah.create_consumer($1, 'things', $2)", fmt.Sprintf("new%d.%v", i, analyzed), start)
		call(1500, "select count(*) from howdah.claim($1, 100)", fmt.Sprintf("new%d.%v", i, analyzed))
		call(300, "select howdah.seek($1, $2)", fmt.Sprintf("new%d.%v", i, analyzed), start)
	}
	if analyzed {
		// A window and a time go through BRIN: they read the blocks of their time, and those that nobody has summarized yet.
		call(events/3+30000, "select howdah.seek('idle', (select (max(received_at) - interval '1 s')::text from (select received_at from events.things order by id desc limit 10) x))")
		call(60000, "select count(*) from howdah.claim('idle', 100, from_time => clock_timestamp() - interval '1 day', until_time => clock_timestamp())")
	}
}

// measured runs a query and reads this session's counters before and after it.
func measured(t *testing.T, conn *pgx.Conn, analyzed bool, limit int, sql string, args []any, answer any) {
	t.Helper()
	must(t, conn, "begin")
	defer must(t, conn, "commit")
	before := counters(t, conn)
	var err error
	if answer == nil {
		_, err = conn.Exec(t.Context(), sql, args...)
	} else {
		err = conn.QueryRow(t.Context(), sql, args...).Scan(answer)
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	for table, now := range counters(t, conn) {
		// seek and replay look at everything that is pending; nobody calls them a thousand times a second
		if table == "howdah.pending" && strings.Contains(sql, "howdah.seek") || table == "howdah.pending" && strings.Contains(sql, "howdah.replay") {
			continue
		}
		if n := now.scanned - before[table].scanned; n > 0 {
			t.Errorf("%s\n\tanalyzed %v: scans %s, %d rows", sql, analyzed, table, n)
		}
		if n := now.fetched - before[table].fetched; n > limit {
			t.Errorf("%s\n\tanalyzed %v: reads %d rows of %s", sql, analyzed, n, table)
		}
	}
}

type counted struct{ scanned, fetched int }

// counters are how many rows of events, documents, objects and consumers' state this session has read since it last reported.
func counters(t *testing.T, conn *pgx.Conn) map[string]counted {
	t.Helper()
	rows, err := conn.Query(t.Context(), `select schemaname || '.' || relname, coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables
		where schemaname in ('events', 'howdah_segments', 'docs', 'howdah_docs')
			or schemaname = 'howdah' and relname in ('claims', 'pending', 'dead', 'extension', 'object', 'piece', 'chunk', 'upload', 'part')`)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]counted{}
	var table string
	var c counted
	if _, err := pgx.ForEachRow(rows, []any{&table, &c.scanned, &c.fetched}, func() error { all[table] = c; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}
