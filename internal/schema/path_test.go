package schema_test

import "testing"

// TestHostileSearchPath: functions, operators and tables that a user puts in front of PostgreSQL's own change nothing,
// and neither does a search path that is empty.
func TestHostileSearchPath(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, sql := range []string{
		"create schema evil",
		"create function evil.trap(text) returns text language plpgsql as $$ begin raise exception 'trapped by %', $1; end $$",
		"create function evil.clock_timestamp() returns timestamptz language sql as $$ select evil.trap('clock_timestamp')::timestamptz $$",
		"create function evil.pg_current_xact_id() returns xid8 language sql as $$ select evil.trap('xid')::xid8 $$",
		"create function evil.pg_try_advisory_xact_lock_shared(int, int) returns boolean language sql as $$ select evil.trap('lock')::boolean $$",
		"create function evil.current_setting(text) returns text language sql as $$ select evil.trap('setting') $$",
		"create function evil.current_setting(text, boolean) returns text language sql as $$ select evil.trap('setting') $$",
		"create function evil.split_part(text, text, int) returns text language sql as $$ select evil.trap('split_part') $$",
		"create function evil.format(text, variadic text[]) returns text language sql as $$ select evil.trap('format') $$",
		"create function evil.get_byte(bytea, int) returns int language sql as $$ select evil.trap('get_byte')::int $$",
		"create function evil.random() returns float8 language sql as $$ select evil.trap('random')::float8 $$",
		"create function evil.floor(float8) returns float8 language sql as $$ select evil.trap('floor')::float8 $$",
		"create function evil.equal(text, text) returns boolean language sql as $$ select evil.trap('=')::boolean $$",
		"create operator evil.= (leftarg = text, rightarg = text, function = evil.equal)",
		"create function evil.less(bigint, bigint) returns boolean language sql as $$ select evil.trap('<=')::boolean $$",
		"create operator evil.<= (leftarg = bigint, rightarg = bigint, function = evil.less)",
		"create operator evil.< (leftarg = bigint, rightarg = bigint, function = evil.less)",
		"create function evil.join(text, text) returns text language sql as $$ select evil.trap('||') $$",
		"create operator evil.|| (leftarg = text, rightarg = text, function = evil.join)",
		"create function evil.both(bigint, bigint) returns bigint language sql as $$ select evil.trap('&')::bigint $$",
		"create operator evil.& (leftarg = bigint, rightarg = bigint, function = evil.both)",
		"create operator evil.# (leftarg = bigint, rightarg = bigint, function = evil.both)",
		"create function evil.statement_timestamp() returns timestamptz language sql as $$ select evil.trap('statement_timestamp')::timestamptz $$",
		"create function evil.octet_length(text) returns int language sql as $$ select evil.trap('octet_length')::int $$",
		"create function evil.jsonb_typeof(jsonb) returns text language sql as $$ select evil.trap('jsonb_typeof') $$",
		"create function evil.later(timestamptz, timestamptz) returns boolean language sql as $$ select evil.trap('time')::boolean $$",
		"create operator evil.= (leftarg = timestamptz, rightarg = timestamptz, function = evil.later)",
		"create operator evil.< (leftarg = timestamptz, rightarg = timestamptz, function = evil.later)",
		"create operator evil.> (leftarg = timestamptz, rightarg = timestamptz, function = evil.later)",
		"create operator evil.<= (leftarg = timestamptz, rightarg = timestamptz, function = evil.later)",
		"create function evil.plus(bigint, int) returns bigint language sql as $$ select evil.trap('+')::bigint $$",
		"create operator evil.+ (leftarg = bigint, rightarg = int, function = evil.plus)",
		"create operator evil.= (leftarg = bigint, rightarg = bigint, function = evil.less)",
		"create function evil.holds(jsonb, jsonb) returns boolean language sql as $$ select evil.trap('@>')::boolean $$",
		"create operator evil.@> (leftarg = jsonb, rightarg = jsonb, function = evil.holds)",
		"create table evil.collection (name text)", "create table evil.mending (xid int)", "create table evil.new_rows (key text)",
		"create table evil.topic (name text)", "create table evil.claims (claim_id bigint)", "create table evil.pg_locks (pid int)",
	} {
		must(t, conn, sql)
	}
	for _, path := range []string{"evil, pg_catalog, howdah", "''", "pg_temp, evil, pg_catalog"} {
		t.Run(path, func(t *testing.T) {
			must(t, conn, "reset search_path")
			name := one[string](t, conn, "select 'things' || count(*) from howdah.topics")
			must(t, conn, "set search_path = "+path)
			must(t, conn, "select howdah.create_topic($1, 4)", name)
			for _, ordered := range []bool{false, true} {
				consumer := name + map[bool]string{false: ".free", true: ".strict"}[ordered]
				must(t, conn, "select howdah.create_consumer($1, $2, ordered => $3)", consumer, name, ordered)
				must(t, conn, "insert into events."+name+" (key, payload) values ('a', '{}'), ('b', '{}'), ('foobar', '{}')")
				must(t, conn, "select howdah.publish($1, '{}', 'key')", name)
				claim := one[int64](t, conn, "select claim_id from howdah.claim($1) limit 1", consumer)
				must(t, conn, "select howdah.extend($1)", claim)
				must(t, conn, "select howdah.nack($1, null, 'no', '0 s')", claim)
				claim = one[int64](t, conn, "select claim_id from howdah.claim($1) limit 1", consumer)
				must(t, conn, "select howdah.ack($1)", claim)
				must(t, conn, "select howdah.seek($1, 'earliest')", consumer)
				must(t, conn, "select howdah.seek($1, 'latest')", consumer)
				must(t, conn, "select howdah.replay($1, 1, 2)", consumer)
				must(t, conn, "select howdah.redrive($1)", consumer)
				must(t, conn, "select * from howdah.watch($1)", consumer)
				must(t, conn, "select * from howdah.processing_states($1)", consumer)
				must(t, conn, "select * from howdah.find_ids($1, 1, 1000, true, 'key', '{\"a\": 1}')", name)
				must(t, conn, "select howdah.id_at($1, now() - interval '1 hour')", name)
				must(t, conn, "select * from howdah.event_states($1, 2)", name)
				must(t, conn, "select * from howdah.dead_page($1)", consumer)
				must(t, conn, "select * from howdah.pending_page($1)", consumer)
				must(t, conn, "select * from howdah.seek_preview($1, 'earliest')", consumer)
				must(t, conn, "select * from howdah.seek_preview($1, '2026-01-31T12:00:00Z')", consumer)
			}
			must(t, conn, "select howdah.create_bucket($1, true, 1000000)", name)
			must(t, conn, "select howdah.put_object($1, 'a/b', 'one')", name)
			must(t, conn, "select howdah.put_object($1, 'a/c', 'two')", name)
			must(t, conn, "select howdah.copy_object($1, 'a/b', null, $1, 'a/c')", name)
			must(t, conn, "select howdah.tag_object($1, 'a/b', '{\"x\": \"y\"}')", name)
			must(t, conn, "select howdah.get_object($1, 'a/b', (select info ->> 'version_id' from howdah.list_versions($1, '', '', null, '/', 1000) limit 1))", name)
			must(t, conn, "select howdah.head_object($1, key) from howdah.list_objects($1, 'a/', '', '/', 10)", name)
			must(t, conn, "select * from howdah.open_object($1, 'a/b', null, true)", name)
			must(t, conn, "select howdah.create_upload($1, 'a/b', '{}')", name)
			must(t, conn, "select * from howdah.list_uploads($1)", name)
			must(t, conn, `delete from objects.`+name+` where key operator(pg_catalog.=) 'a/b'`)
			must(t, conn, "select howdah.alter_bucket($1, 'suspended', 0, '{}')", name)
			must(t, conn, "select howdah.create_access_key($1)", name)
			must(t, conn, "select * from howdah.list_access_keys()")
			must(t, conn, "select howdah.revoke_access_key($1)", name)
			docs := "docs." + name
			must(t, conn, "select howdah.create_collection($1, $2)", name, name+".changes")
			must(t, conn, "select howdah.index_collection($1)", name)
			for _, sql := range []string{"select howdah.put($1, 'k', '{}')", "select howdah.put($1, 'k', '{\"a\": 1}')", "select howdah.put($1, 'k', '{}', '2020-01-01Z')",
				"select howdah.put($1, 'k', '{}', if_version => 3)", "select howdah.patch($1, 'k', '{\"a\": {\"b\": null}}')", "select howdah.delete($1, 'k')",
				"select howdah.put($1, 'k', '{}', '2020-01-02Z')", "select howdah.put($1, 'k', '{}')", "select howdah.put_many($1, '{a,b,a}', array['{}','{}','{}']::jsonb[])",
				"select howdah.get($1, 'k')", "select howdah.get_document($1, 'k')", "select howdah.get($1, 'k', pg_catalog.now())", "select howdah.get_valid_at($1, 'k', pg_catalog.now())",
				"select * from howdah.get_many($1, '{k,a}')", "select * from howdah.get_many($1, '{k,a}', pg_catalog.now())", "select * from howdah.read_documents($1, '{k,a}')", "select * from howdah.get_documents($1, '{k,a}')",
				"select * from howdah.scan($1, 'k')", "select * from howdah.find($1, '{}')", "select * from howdah.history($1, 'k')", "select howdah.known_until($1)",
				"select * from howdah.join_as_of($1, '{k}', array[pg_catalog.now()], '1 day')"} {
				must(t, conn, sql, name)
			}
			for _, sql := range []string{"insert into " + docs + " (key, doc) values ('p', '{}')", "update " + docs + " set doc = '{\"x\": 1}', valid_from = '2021-01-01Z'",
				"select * from " + docs + "_as_of('p', pg_catalog.now(), '1 day')", "select * from docs_history." + name, "delete from " + docs,
				"insert into " + docs + " (key, doc) values ('p', '{}')", "select * from howdah.collections"} {
				must(t, conn, sql)
			}
			for _, sql := range []string{"select howdah.upkeep()", "select * from howdah.buckets", "select * from howdah.topics", "select * from howdah.consumers", "select * from howdah.open_claims",
				"select * from howdah.dead_letters", "select * from howdah.open_producers", "select * from howdah.check()",
				"select * from howdah.consumer_figures()", "select * from howdah.problems()"} {
				must(t, conn, sql)
			}
		})
	}
	must(t, conn, "reset search_path")
}
