package schema_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// as connects and becomes a new role without any grant.
func as(t *testing.T, url, name string) (conn *pgx.Conn, role string) {
	t.Helper()
	admin := connect(t, url)
	role = one[string](t, admin, "select $1 || '_' || current_database()", name)
	must(t, admin, "create role "+role)
	must(t, admin, "grant "+role+" to current_user") // the tests' own role is no superuser
	t.Cleanup(func() {
		must(t, admin, "drop owned by "+role)
		must(t, admin, "drop role "+role)
	})
	conn = connect(t, url)
	must(t, conn, "set role "+role)
	return conn, role
}

func TestRights(t *testing.T) {
	url := newDatabase(t)
	owner := connect(t, url)
	for _, sql := range []string{
		"select howdah.create_topic('things')", "select howdah.create_topic('parts', 4)", "select howdah.create_consumer('worker', 'things', max_attempts => 1)",
		"insert into events.things (payload) select '\"secret\"' from generate_series(1, 10)",
	} {
		must(t, owner, sql)
	}
	failed := one[int64](t, owner, "select max(claim_id) from howdah.claim('worker', 2)")
	must(t, owner, "select howdah.nack($1, null, 'secret')", failed)
	held := one[int64](t, owner, "select max(claim_id) from howdah.claim('worker', 3)")

	t.Run("nobody", func(t *testing.T) {
		conn, _ := as(t, url, "nobody")
		for _, sql := range []string{
			"select * from events.things", "insert into events.things (payload) values ('1')", "copy events.things (payload) to stdout",
			"select howdah.publish('things', '1')", "select howdah.stable_id('things')", "select howdah.last_id('things')",
			"select * from howdah.claim('worker')", "select * from howdah.reserve('worker')", "select * from howdah.reserve_next(1, '{worker}', '{0}', '{1}', '{null}')", "select * from howdah.pulse(1)", "select howdah.create_consumer('mine', 'things')",
			"select howdah.drop_consumer('worker')", "select howdah.seek('worker', 'latest')", "select howdah.replay('worker', 1, 5)",
			"select howdah.redrive('worker')", "select howdah.pause('worker')", "select howdah.upkeep()",
			"select howdah.create_topic('mine')", "select howdah.drop_topic('things')", "select howdah.alter_topic('things', idle_timeout => '1 s')",
			"select howdah.adopt_topic('mine', 'howdah.claims', 'claim_id', 'bits')", "select * from howdah.processing_states('worker')",
			"select * from howdah.find_ids('things')", "select howdah.id_at('things', now())", "select * from howdah.event_states('things', 1)",
			"select * from howdah.dead_page('worker')", "select * from howdah.pending_page('worker')", "select * from howdah.seek_preview('worker', 'latest')",
			"select * from howdah.claims", "select * from howdah.dead", "select * from howdah.pending", "select * from howdah.topic",
			"select * from howdah.consumer", "select nextval('howdah.claim_number')", "update howdah.setting set value = '1'",
			"select * from howdah.topic_1", "select howdah.scan_1(0, 1, 10, 10)", "create table howdah.mine ()", "create table events.mine ()",
			"select howdah.rows_query((null, 't')::howdah.topic, 0, 1, 2, null)", "delete from events.things", "truncate events.things",
			"create function howdah.mine() returns int language sql as 'select 1'", "create table mine (x int) inherits (events.things)",
			"create trigger mine before insert on events.things execute function howdah.take_mark_1()",
		} {
			if _, err := conn.Exec(context.Background(), sql); err == nil {
				t.Errorf("nobody may: %s", sql)
			}
		}
		for _, how := range []string{"ack", "nack", "extend", "release"} {
			code(t, conn, "42501", "select howdah."+how+"($1)", held)
		}
		for _, view := range []string{"dead_letters", "open_claims"} {
			if n := one[int](t, conn, "select count(*) from howdah."+view); n != 0 {
				t.Errorf("nobody sees %d rows of howdah.%s", n, view)
			}
		}
		if p := one[*string](t, conn, "select howdah.payload_of(1, 1)::text"); p != nil {
			t.Errorf("nobody sees payload %s", *p)
		}
	})

	t.Run("producer", func(t *testing.T) {
		conn, role := as(t, url, "producer")
		must(t, owner, "grant insert on events.things to "+role)
		must(t, conn, "insert into events.things (payload) values ('1')")
		last := one[int64](t, conn, "select howdah.publish('things', '2', 'key')")
		if id := one[int64](t, conn, "select howdah.last_id('things')"); id != last {
			t.Errorf("last_id is %d, not %d", id, last)
		}
		must(t, conn, "select howdah.stable_id('things')")
		for _, sql := range []string{"select * from events.things", "select * from howdah.claim('worker')", "select howdah.create_consumer('mine', 'things')",
			"select howdah.publish('parts', '1')", "select howdah.seek('worker', 'latest')"} {
			code(t, conn, "42501", sql)
		}
		if n := one[int](t, conn, "select count(*) from howdah.dead_letters"); n != 0 {
			t.Error("a producer sees dead letters")
		}
	})

	t.Run("consumer", func(t *testing.T) {
		conn, role := as(t, url, "consumer")
		must(t, owner, "grant select on events.things to "+role)
		must(t, conn, "select howdah.create_consumer('mine', 'things')")
		claim := one[int64](t, conn, "select max(claim_id) from howdah.claim('mine', 2)")
		must(t, conn, "select howdah.extend($1)", claim)
		must(t, conn, "select howdah.nack($1, '{1}')", claim)
		must(t, conn, "select howdah.ack($1)", claim)
		must(t, conn, "select howdah.seek('mine', 'earliest')")
		if n := one[int](t, conn, "select count(*) from howdah.dead_letters where payload::text = '\"secret\"'"); n != 2 {
			t.Errorf("a consumer sees %d dead letters, not 2", n)
		}
		for _, sql := range []string{"insert into events.things (payload) values ('1')", "select howdah.publish('things', '1')",
			"select howdah.create_consumer('other', 'parts')"} {
			code(t, conn, "42501", sql)
		}
	})

	t.Run("bucket", func(t *testing.T) {
		must(t, owner, "select howdah.create_bucket('models')")
		must(t, owner, "select howdah.create_bucket('secrets')")
		must(t, owner, "select howdah.put_object('secrets', 'k', 'secret')")
		must(t, owner, "select howdah.put_object('models', 'k', 'model')")
		must(t, owner, "select howdah.create_access_key('admin')")
		piece := one[int64](t, owner, "select pieces[1] from howdah.object where key = 'k' and bucket = (select number from howdah.bucket where name = 'secrets')")
		conn, role := as(t, url, "reader")
		must(t, owner, "grant select on objects.models to "+role)
		if body := one[string](t, conn, "select convert_from(howdah.get_object('models', 'k'), 'utf8')"); body != "model" {
			t.Errorf("a reader got %q", body)
		}
		if n := one[int](t, conn, "select count(*) from objects.models where key = 'k'"); n != 1 {
			t.Error("a reader does not see the object")
		}
		must(t, conn, "select * from howdah.list_objects('models')")
		must(t, conn, "create function pg_temp.look(text) returns boolean language plpgsql cost 0.0001 as $$ begin if $1 <> 'k' then raise exception 'leaked %', $1; end if; return true; end $$")
		must(t, owner, "select howdah.put_object('secrets', 'hidden', '')")
		must(t, conn, "select * from objects.models where pg_temp.look(key)")
		refused := []string{
			"select * from objects.secrets", "select howdah.get_object('secrets', 'k')", "select howdah.head_object('secrets', 'k')",
			"select * from howdah.list_objects('secrets')", "select * from howdah.list_versions('secrets')", "select * from howdah.open_object('secrets', 'k', null, true)",
			fmt.Sprintf("select * from howdah.read_chunks(%d, 0, 8)", piece), fmt.Sprintf("select howdah.write_chunks(%d, 0, '{}')", piece),
			fmt.Sprintf("select howdah.abandon_piece(%d)", piece), "select howdah.next_piece(0)", "select howdah.owners_of_piece(1)",
			"select howdah.put_object('models', 'k', 'x')", "select howdah.delete_object('models', 'k')", "delete from objects.models",
			"select howdah.copy_object('models', 'k', null, 'models', 'l')", "select howdah.copy_object('secrets', 'k', null, 'models', 'l')",
			"select howdah.create_upload('models', 'k')", "select howdah.begin_piece('models')", "select howdah.tag_object('models', 'k', '{}')",
			"select howdah.create_bucket('mine')", "select howdah.alter_bucket('models', quota => 1)", "select howdah.drop_bucket('models')",
			"select * from howdah.access_key", "select * from howdah.list_access_keys()", "select * from howdah.find_access_key('x')",
			"select howdah.create_access_key('mine')", "select howdah.revoke_access_key('admin')", "select * from howdah.object", "select * from howdah.chunk",
			"select * from howdah.piece", "select * from howdah.upload", "select * from howdah.part", "select nextval('howdah.version_number')",
			"create table objects.mine ()", "insert into howdah.chunk values (1, 0, '')",
		}
		for _, sql := range refused {
			code(t, conn, "42501", sql)
		}
		must(t, owner, "grant insert, select on objects.models to "+role)
		must(t, conn, "select howdah.put_object('models', 'k', 'x')")
		code(t, conn, "42501", "select howdah.copy_object('secrets', 'k', null, 'models', 'l')")
		code(t, conn, "0A000", "insert into objects.models (key) values ('x')")
		code(t, conn, "42501", "delete from objects.models")
		must(t, owner, "grant delete on objects.models to "+role)
		must(t, conn, "delete from objects.models where key = 'k'")
	})

	t.Run("no stalling, no blocking", func(t *testing.T) {
		conn, _ := as(t, url, "blocker")
		number := one[int](t, owner, "select number from howdah.topic where name = 'things'")
		drawn := one[int64](t, owner, "select pg_sequence_last_value('events.things_id_seq')")
		must(t, conn, "begin")
		for i := range int64(20) {
			must(t, conn, "select pg_advisory_xact_lock($1::int, $2::int)", 1224736768+number, drawn+10-i)
			must(t, conn, "select pg_advisory_xact_lock_shared($1::int, $2::int)", 1224736768+number, drawn+10-i)
		}
		must(t, owner, "set statement_timeout = '5 s'")
		must(t, owner, "insert into events.things (payload) values ('3')")
		stable := one[int64](t, owner, "select howdah.stable_id('things')")
		if last := one[int64](t, owner, "select howdah.last_id('things')"); stable != last {
			t.Errorf("a stranger's locks hold the stable id at %d, below %d", stable, last)
		}
		must(t, owner, "select * from howdah.claim('worker', 1)")
		for _, sql := range []string{"lock events.things in row exclusive mode", "lock howdah.consumer in access share mode",
			"select * from howdah.consumer for no key update"} {
			must(t, conn, "savepoint s")
			code(t, conn, "42501", sql)
			must(t, conn, "rollback to s")
		}
		must(t, conn, "rollback")
	})
}

// TestPublicFunctions lists every function of schema howdah that anybody may call: each checks the caller's rights
// itself, tells nothing but names and figures, or is a pure calculation.
func TestPublicFunctions(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_topic('things', 4)")
	must(t, conn, "set search_path = ''") // so that names come with their schema
	got := one[string](t, conn, `select string_agg(case when p.prosecdef then 'definer ' else 'invoker ' end || p.oid::regprocedure::text, e'\n' order by proname, p.oid::regprocedure::text) || e'\n'
		from pg_proc p where pronamespace = 'howdah'::regnamespace and has_function_privilege('public', p.oid, 'execute')`)
	golden(t, "testdata/public_functions.golden", got)
	if strings.Contains(got, "definer howdah.take_mark") {
		t.Error("anybody may make a trigger that marks")
	}
}
