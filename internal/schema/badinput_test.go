package schema_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var update = flag.Bool("update", false, "write the golden files anew")

// badInput is one call a line. $C is an open claim on ids 1 to 3 of four, $D one that was acked, and the text of an
// answer is kept in testdata/badinput.golden.
const badInput = `
select howdah.create_topic('Payments')
select howdah.create_topic('')
select howdah.create_topic('1st')
select howdah.create_topic('a b')
select howdah.create_topic('a"; drop table howdah.topic; --')
select howdah.create_topic(repeat('a', 64))
select howdah.create_topic(null)
select howdah.create_topic('new', 0)
select howdah.create_topic('new', 1025)
select howdah.create_topic('new', null)
select howdah.create_topic('new', 1, '0 s')
select howdah.create_topic('new', 1, '-1 day')
select howdah.create_topic('new', format => 'xml')
select howdah.create_topic('new', format => null)
select howdah.create_topic('things', 2)
select howdah.create_topic('things', 2, '1 day', 'bytes')
select howdah.create_topic('adopted')
select howdah.drop_topic('thing')
select howdah.drop_topic('things')
select howdah.drop_topic('changes')
select howdah.drop_topic(null)
select howdah.alter_topic('things', retention => '1 day')
select howdah.alter_topic('kept', max_bytes => -5)
select howdah.alter_topic('kept', retention => '-1 s', max_bytes => 5)
select howdah.alter_topic('things', idle_timeout => '1 ms')
select howdah.alter_topic(null)
select howdah.adopt_topic('new', null)
select howdah.adopt_topic('new', 'public.nothing')
select howdah.adopt_topic('new', 'howdah.topics')
select howdah.adopt_topic('new', 'public.plain', 'nr', 'data')
select howdah.adopt_topic('new', 'public.plain', 'id', 'data', 'at')
select howdah.adopt_topic('new', 'public.plain', 'id', 'id')
select howdah.adopt_topic('new', 'public.plain', 'id', 'data')
select howdah.publish('thing', '{}')
select howdah.publish(null, '{}')
select howdah.publish('things', null)
select howdah.publish('things', '{"a":')
select howdah.publish('things', '')
select howdah.publish('things', '{}', event_time => 'yesterday-ish')
select howdah.publish('things', '{}', headers => '[1]')
select howdah.publish('things', '{}', headers => '"a"')
insert into events.things (payload) values (null)
insert into events.things (payload) values ('{oops')
insert into events.things (id, payload) values (2, '{}')
truncate events.things
select howdah.create_collection('Customers')
select howdah.create_collection(null)
select howdah.create_collection('people', known_at => 'guessed')
select howdah.create_collection('people', changes => 'things')
select howdah.create_collection('people', 'bytes')
select howdah.create_collection('new', 'Not a topic')
select howdah.drop_collection('persons')
select howdah.put('persons', 'k', '{}')
select howdah.put(null, 'k', '{}')
select howdah.put('people', null, '{}')
select howdah.put('people', '', '{}')
select howdah.put('people', repeat('k', 1025), '{}')
select howdah.put('people', 'k', null)
select howdah.put('people', 'k', '[1]')
select howdah.put('people', 'k', 'null')
select howdah.put('people', 'k', '{"a":')
select howdah.put('people', 'k', '{}', if_version => 1)
select howdah.put('people', 'bob', '{}', if_version => 7)
select howdah.put('people', 'bob', '{}', if_version => 0)
select howdah.put('people', 'bob', '{}', if_version => -1)
select howdah.put('people', 'k', '{}', known_at => now())
select howdah.put('people', 'k', '{}', 'last week')
select howdah.put_many('people', '{a,b}', array['{}']::jsonb[])
select howdah.put_many('people', '{a,null}', array['{}','{}']::jsonb[])
select howdah.put_many('people', '{a,b}', array['{}','1']::jsonb[])
select howdah.put_many('people', '{a}', array['{}']::jsonb[], array[now(), now()])
select howdah.patch('people', 'bob', '1')
select howdah.patch('people', 'bob', null)
select howdah.patch('people', 'bob', '{}', '2020-01-01Z')
select howdah.patch('people', 'bob', '{}', if_version => 7)
select howdah.patch('persons', 'bob', '{}')
select howdah.delete('persons', 'bob')
select howdah.delete('people', 'bob', if_version => 7)
select howdah.get('persons', 'bob')
select howdah.get(null, 'bob')
select * from howdah.get_many('persons', '{bob}')
select * from howdah.read_documents('people', '{bob}', now(), now())
select * from howdah.scan('people', max_rows => 0)
select * from howdah.find('people', '[1]')
select * from howdah.find('people', null)
select * from howdah.join_as_of('people', '{a,b}', array[now()])
select * from howdah.join_as_of('people', '{a}', array[now()], '-1 day')
select * from howdah.history('persons', 'bob')
select howdah.publish_changes('people', 'bytes')
select howdah.index_collection('persons')
insert into docs.people (key, doc) values ('k', '1')
update docs.people set doc = '1'
update docs.people set key = 'x'
truncate docs.people
select howdah.stable_id('thing')
select howdah.stable_id(null)
select howdah.create_consumer('Worker', 'things')
select howdah.create_consumer(null, 'things')
select howdah.create_consumer('new', 'thing')
select howdah.create_consumer('new', null)
select howdah.create_consumer('new', 'things', 'someday')
select howdah.create_consumer('new', 'things', null)
select howdah.create_consumer('new', 'things', '2026-01-31 12:00:00')
select howdah.create_consumer('new', 'things', '2026-01-31')
select howdah.create_consumer('new', 'things', '2026-13-31T12:00:00Z')
select howdah.create_consumer('new', 'things', '99999999999999999999')
select howdah.create_consumer('new', 'things', '-1')
select howdah.create_consumer('new', 'things', lease => '0 s')
select howdah.create_consumer('new', 'things', lease => '-30 s')
select howdah.create_consumer('new', 'things', lease => '8 days')
select howdah.create_consumer('new', 'things', lease => null)
select howdah.create_consumer('new', 'things', max_attempts => 0)
select howdah.create_consumer('new', 'things', max_attempts => null)
select howdah.create_consumer('new', 'things', ordered => null)
select howdah.create_consumer('worker', 'things', max_attempts => 7)
select howdah.create_consumer('worker', 'things', ordered => true)
select howdah.create_consumer('worker', 'kept', 'latest', '1 min')
select howdah.drop_consumer('wroker')
select howdah.drop_consumer(null)
select * from howdah.claim('wroker')
select * from howdah.claim(null)
select * from howdah.claim('worker', 0)
select * from howdah.claim('worker', -1)
select * from howdah.claim('worker', 10001)
select * from howdah.claim('worker', null)
select * from howdah.claim('worker', 10, '-1 s')
select * from howdah.claim('worker', 10, '0 s')
select * from howdah.claim('worker', 10, null, '2026-01-02Z', '2026-01-01Z')
select * from howdah.claim('worker', 10, null, '2026-01-02Z', '2026-01-02Z')
select * from howdah.claim('strict', 10, newest_first => true)
select howdah.ack(1234567)
select howdah.ack(-1)
select howdah.ack(null)
select howdah.ack($D)
select howdah.ack($C, '{4}')
select howdah.ack($C, '{1,null}')
select howdah.ack($C, '{0,1,99}')
select howdah.nack(1234567)
select howdah.nack(null)
select howdah.nack($D, null, 'late')
select howdah.nack($C, '{4}')
select howdah.nack($C, '{null}')
select howdah.nack($C, null, 'no', '-1 s')
select howdah.nack($C, null, 'no', '366 days')
select howdah.extend(1234567)
select howdah.extend(null)
select howdah.extend($D)
select howdah.extend($C, '-1 s')
select howdah.extend($C, '100 days')
select howdah.release(1234567)
select howdah.release(null)
select howdah.seek('wroker', 'earliest')
select howdah.seek(null, 'earliest')
select howdah.seek('worker', null)
select howdah.seek('worker', '')
select howdah.seek('worker', 'now')
select howdah.seek('worker', '2026-01-31T12:00:00')
select howdah.seek('worker', '2026-01-31')
select howdah.seek('worker', '1.5')
select howdah.replay('wroker', 1, 2)
select howdah.replay('worker', 2, 1)
select howdah.replay('worker', null, 1)
select howdah.replay('worker', 1, null)
select howdah.replay('worker', 0, 10)
select howdah.replay('worker', -500, 10)
select howdah.redrive('wroker')
select howdah.redrive('worker', '{1}')
select howdah.redrive('worker', '{null}')
select howdah.pause('wroker')
select howdah.pause('worker', null)
select howdah.processing_states('wroker')
select howdah.processing_states(null)
select howdah.create_bucket('Models')
select howdah.create_bucket('a')
select howdah.create_bucket('a..b')
select howdah.create_bucket('192.168.1.1')
select howdah.create_bucket(null)
select howdah.create_bucket('models', null)
select howdah.create_bucket('models', quota => 0)
select howdah.put_object('nowhere', 'k', 'x')
select howdah.create_access_key('Me')
select howdah.create_access_key('me', '["models"]')
select howdah.create_access_key('me', '{"models": "own"}')
select howdah.revoke_access_key('nobody')
select howdah.begin_piece('nowhere')
select howdah.write_chunks(1, 0, '{}')
select * from howdah.read_chunks(1, 0, 1)
`

// everything is a fingerprint of all that the log stores, without what a claim of nothing may note.
const everything = `select md5(string_agg(x, e'\n' order by x)) from (
	select 't' || t as x from howdah.topic t union all select 'c' || c from howdah.consumer c union all select 'k' || k from howdah.claims k
	union all select 'e' || e from howdah.extension e union all select 'p' || p from howdah.pending p union all select 'd' || d from howdah.dead d
	union all select 's' || s from howdah.segment s union all select 'v' || v.id || v.payload::text from events.things v
	union all select 'o' || o from howdah.collection o union all select 'd' || d from docs.people d union all select 'h' || h from docs_history.people h) y`

func TestBadInput(t *testing.T) {
	conn := connect(t, newDatabase(t))
	ctx := context.Background()
	for _, sql := range []string{
		"select howdah.create_topic('things')", "select howdah.create_consumer('worker', 'things')",
		"select howdah.create_topic('bytes', format => 'bytes')", "select howdah.create_collection('people')",
		"select howdah.create_collection('told', 'changes')", "select howdah.put('people', 'bob', '{}')",
		"select howdah.create_topic('kept', retention => '1 day')", "create table public.old (id serial primary key, data json)",
		"select howdah.adopt_topic('adopted', 'public.old', 'id', 'data')",
		"select howdah.create_consumer('strict', 'things', ordered => true)", "create table public.plain (id int, data json)",
		"insert into events.things (payload) select '{}' from generate_series(1, 5)",
	} {
		must(t, conn, sql)
	}
	held := one[int64](t, conn, "select max(claim_id) from howdah.claim('worker', 3)")
	ended := one[int64](t, conn, "select max(claim_id) from howdah.claim('worker', 1)")
	must(t, conn, "select howdah.ack($1)", ended)
	numbers := strings.NewReplacer("$C", fmt.Sprint(held), "$D", fmt.Sprint(ended))
	names := strings.NewReplacer(fmt.Sprint(held), "$C", fmt.Sprint(ended), "$D")
	instant := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+\d\d`)

	var answers strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(badInput), "\n") {
		before := one[string](t, conn, everything)
		_, err := conn.Exec(ctx, numbers.Replace(line), pgx.QueryExecModeSimpleProtocol)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) {
			t.Errorf("%s\n\tis accepted: %v", line, err)
			continue
		}
		answer := fmt.Sprintf("%s\n\t%s %s\n", line, pg.Code, pg.Message)
		if pg.Hint != "" {
			answer += "\t" + pg.Hint + "\n"
		}
		answers.WriteString(instant.ReplaceAllString(names.Replace(answer), "(a time)"))
		if one[string](t, conn, everything) != before {
			t.Errorf("%s\n\tis refused and has changed something", line)
		}
	}
	golden(t, "testdata/badinput.golden", answers.String())
}

// golden compares with a file, line by line.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, have := strings.Split(string(b), "\n"), strings.Split(got, "\n")
	for i := range max(len(want), len(have)) {
		var w, h string
		if i < len(want) {
			w = want[i]
		}
		if i < len(have) {
			h = have[i]
		}
		if w != h {
			t.Errorf("%s:%d\n\twant %s\n\thave %s", file, i+1, w, h)
			return
		}
	}
}

// TestStaleAcks: a claim can be settled by whoever holds its number, once, and not in the transaction that claimed.
func TestStaleAcks(t *testing.T) {
	url := newDatabase(t)
	conn, other := connect(t, url), connect(t, url)
	must(t, conn, "select howdah.create_topic('things')")
	must(t, conn, "select howdah.create_consumer('worker', 'things')")
	must(t, conn, "insert into events.things (payload) select '{}' from generate_series(1, 5)")

	for _, how := range []string{"ack", "nack", "release"} {
		must(t, conn, "begin")
		claim := one[int64](t, conn, "select max(claim_id) from howdah.claim('worker', 2)")
		code(t, conn, "25000", "select howdah."+how+"($1)", claim)
		must(t, conn, "rollback")
		code(t, conn, "HW001", "select howdah.ack($1)", claim)
	}
	for _, level := range []string{"repeatable read", "serializable"} {
		must(t, conn, "begin isolation level "+level)
		code(t, conn, "25000", "select * from howdah.claim('worker')")
		must(t, conn, "rollback")
	}
	claim := one[int64](t, conn, "select max(claim_id) from howdah.claim('worker', 2)")
	must(t, conn, "begin isolation level repeatable read")
	must(t, conn, "select howdah.ack($1)", claim)
	must(t, conn, "rollback")
	if n := one[int](t, other, "select howdah.ack($1, '{1}')", claim); n != 1 {
		t.Errorf("%d acked, not 1", n)
	}
	if n := one[int](t, conn, "select howdah.ack($1, '{1,1,2}')", claim); n != 1 {
		t.Errorf("%d acked, not the 1 that was left", n)
	}
	code(t, conn, "HW001", "select howdah.ack($1)", claim)
}

// code runs SQL that must fail with an SQLSTATE.
func code(t *testing.T, conn *pgx.Conn, want, sql string, args ...any) {
	t.Helper()
	_, err := conn.Exec(context.Background(), sql, args...)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != want {
		t.Errorf("%s: not %s: %v", sql, want, err)
	}
}

// TestHugePayloads: a claim ends at 4 MiB of payload, but holds at least one event.
func TestHugePayloads(t *testing.T) {
	for _, format := range []string{"json", "bytes"} {
		for _, how := range []string{"first", "again", "newest"} {
			t.Run(format+" "+how, func(t *testing.T) {
				conn := connect(t, newDatabase(t))
				must(t, conn, "select howdah.create_topic('things', format => $1)", format)
				must(t, conn, "select howdah.create_consumer('worker', 'things')")
				const text = `'"' || repeat('x', 1000000 * n - 2) || '"'`
				value := text
				if format == "bytes" {
					value = "convert_to(" + text + ", 'UTF8')"
				} else {
					value = "(" + text + ")::json"
				}
				must(t, conn, "insert into events.things (payload) select "+value+" from unnest('{1,2,1,1,9,1,1}'::int[]) n")
				claim := "select array_agg(id) from howdah.claim('worker', 100)"
				want := [][]int64{{1, 2, 3}, {4}, {5}, {6, 7}}
				switch how {
				case "again":
					must(t, conn, "select howdah.seek('worker', 'latest')")
					must(t, conn, "select howdah.replay('worker', 1, 7)")
				case "newest":
					claim = "select array_agg(id) from howdah.claim('worker', 100, newest_first => true)"
					want = [][]int64{{6, 7}, {5}, {2, 3, 4}, {1}}
				}
				for _, ids := range want {
					if got := one[[]int64](t, conn, claim); fmt.Sprint(got) != fmt.Sprint(ids) {
						t.Errorf("claimed %v, not %v", got, ids)
					}
				}
			})
		}
	}
}
