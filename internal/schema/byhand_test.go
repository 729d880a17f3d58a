package schema_test

import (
	"strings"
	"testing"
)

// What somebody does to tables by hand harms nothing else, and can be put right.
func TestDoneByHand(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, sql := range []string{
		"select howdah.create_topic('well')", "select howdah.create_consumer('fine', 'well')",
		"select howdah.create_topic('gone')", "select howdah.create_consumer('lost', 'gone')",
		"select howdah.create_topic('segments', 1, '1 day')", "select howdah.create_consumer('late', 'segments')",
		"create table public.old (id serial primary key, data jsonb)", "select howdah.adopt_topic('old', 'public.old', 'id', 'data')",
		"create table public.moved (id serial primary key, data jsonb)", "select howdah.adopt_topic('moved', 'public.moved', 'id', 'data')",
		"select howdah.create_consumer('follows', 'moved')", "insert into public.moved (data) values ('1')",
		"select howdah.create_collection('papers', 'changed')", "select howdah.create_collection('kept')",
		"drop table events.gone cascade", "drop table events.segments cascade", "drop table public.old cascade", "drop table docs.papers cascade",
		"alter table public.moved rename to new_name", "create schema elsewhere", "alter table public.new_name set schema elsewhere",
		"insert into events.well (payload) values ('1')",
	} {
		must(t, conn, sql)
	}
	problems := one[string](t, conn, "select string_agg(coalesce(topic || ': ', '') || problem, '; ' order by topic, problem) from howdah.check()")
	for _, want := range []string{"gone: its table was dropped", "segments: its table was dropped", "old: its table was dropped",
		"collection papers: its table was dropped", "moved: its table is called elsewhere.new_name now"} {
		if !strings.Contains(problems, want) {
			t.Errorf("check does not say %q: %s", want, problems)
		}
	}
	must(t, conn, "select howdah.upkeep()")
	must(t, conn, "insert into elsewhere.new_name (data) values ('2')")
	if n := one[int](t, conn, "select count(*)::int from howdah.claim('follows')"); n != 2 {
		t.Errorf("%d events of a table that was renamed", n)
	}
	for _, sql := range []string{"select * from howdah.topics", "select * from howdah.consumers", "select * from howdah.open_producers",
		"select * from howdah.collections", "select * from howdah.problems()", "select * from howdah.consumer_figures(10)", "select * from howdah.claim('fine')"} {
		must(t, conn, sql)
	}
	if _, err := conn.Exec(t.Context(), "select howdah.create_topic('gone')"); err == nil || !strings.Contains(err.Error(), "was dropped") {
		t.Errorf("create what is half there: %v", err)
	}
	for _, sql := range []string{
		"select howdah.drop_consumer('lost')", "select howdah.drop_topic('gone')", "select howdah.drop_consumer('late')", "select howdah.drop_topic('segments')",
		"select howdah.drop_topic('old')", "select howdah.drop_collection('papers')",
		"select howdah.create_topic('gone')", "insert into events.gone (payload) values ('1')", "select howdah.create_collection('papers')",
	} {
		must(t, conn, sql)
	}
	if n := one[int](t, conn, "select count(*)::int from howdah.check()"); n != 0 {
		t.Errorf("%d problems are left", n)
	}
}

// A table that inherits from a topic's is no part of it: its rows come without a mark.
func TestChildrenOfATopic(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for _, sql := range []string{
		"create table public.old (id serial primary key, data jsonb)", "select howdah.adopt_topic('old', 'public.old', 'id', 'data')",
		"select howdah.create_consumer('all', 'old')", "create table public.child () inherits (public.old)",
		"insert into public.child (data) values ('1')", "insert into public.old (data) values ('2')",
	} {
		must(t, conn, sql)
	}
	if got := one[string](t, conn, "select string_agg(payload::text, ' ') from howdah.claim('all')"); got != "2" {
		t.Errorf("claimed %s", got)
	}
	for sql, want := range map[string]string{
		"create table public.behind (id serial primary key, data jsonb); insert into public.behind (id, data) values (7, '1'); select howdah.adopt_topic('behind', 'public.behind', 'id', 'data')": "above the last one",
		"create table public.parent (id serial primary key, data jsonb); create table public.heir () inherits (public.parent); select howdah.adopt_topic('parent', 'public.parent', 'id', 'data')": "inheritance: public.heir",
	} {
		if _, err := conn.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
