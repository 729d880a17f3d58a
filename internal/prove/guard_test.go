package prove_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// L1: the last id drawn is never read as a table's row, which can be up to 32 too high.
func TestSequenceIsNeverReadAsATable(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.want("functions that select last_value", b.number(`select count(*) from pg_proc
		where pronamespace = 'howdah'::regnamespace and prosrc ~* '\mlast_value\M'`), 0)
}

// L2: the first event of a topic, held open while the second commits, is delivered.
func TestFirstEventOfATopic(t *testing.T) {
	for name, start := range map[string]string{"unused": "select 1", "restarted": "select setval('events.t_id_seq', 500, false)"} {
		t.Run(name, func(t *testing.T) {
			b := fresh(t)
			b.topic("t")
			b.run(start)
			c := b.consumer("c", "t")
			first := b.conn()
			b.on(first, "begin", "insert into events.t (payload) values ('1')")
			b.publish("t", 1)
			if k := b.claim(c, 10); k != nil {
				t.Fatalf("claimed %v above an open producer", idsOf(k))
			}
			b.on(first, "commit")
			b.want("events", int64(len(b.drain(c, 10))), 2)
		})
	}
}

// L4: the stable id is for the next statement; on a standby there is none.
func TestStableIDOnAStandby(t *testing.T) {
	c := privateCluster(t, "wal_level=replica", "max_wal_senders=5")
	b := c.fresh(t)
	b.topic("t")
	b.publish("t", 100)
	standby := &cluster{bin: c.bin, options: []string{"hot_standby=on"}}
	var err error
	standby.dir, err = workDir()
	b.must(err)
	t.Cleanup(func() { removeAll(standby.dir) })
	standby.port, err = freePort()
	b.must(err)
	c.tool(t, nil, "pg_basebackup", "-D", standby.data(), "-R", "-X", "stream", "-c", "fast")
	b.must(standby.start())
	t.Cleanup(standby.stop)
	conn, err := pgx.Connect(b.ctx, standby.url(b.name))
	b.must(err)
	defer func() { _ = conn.Close(b.ctx) }()
	_, err = conn.Exec(b.ctx, "select howdah.stable_id('t')")
	b.refused(err, "25006", "standby", "primary")
	var shown *int64
	b.must(conn.QueryRow(b.ctx, "select stable_id from howdah.topics").Scan(&shown))
	if shown != nil {
		t.Errorf("the view shows a stable id of %d on a standby", *shown)
	}
}

// L5: whatever would put an event where consumers may have passed is refused; whatever draws its ids in order is not.
func TestGuard(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.run("update howdah.setting set value = '1000' where name = 'segment_ids'", "select howdah.create_topic('s', 1, '1 day')")
	b.publish("t", 50)
	refuse := func(name string, statements ...string) {
		t.Run("refuses "+name, func(t *testing.T) {
			b := *b
			b.TB = t
			conn := b.conn()
			var err error
			for _, s := range statements {
				if _, err = conn.Exec(b.ctx, s); err != nil {
					break
				}
			}
			if err == nil {
				t.Fatal("taken")
			}
			b.refused(err, "HW003", "RETURNING")
		})
	}
	allow := func(name string, statements ...string) {
		t.Run("takes "+name, func(t *testing.T) {
			b := *b
			b.TB = t
			b.on(b.conn(), statements...)
		})
	}
	refuse("an explicit id", "delete from events.t where id = 3", "insert into events.t (id, payload) values (3, '1')")
	refuse("an id below the mark", "insert into events.t (id, payload) values (-5, '1')")
	refuse("an id drawn before the transaction", "select nextval('events.t_id_seq')", "begin", "insert into events.t (payload) values ('1')",
		"insert into events.t (id, payload) select currval('events.t_id_seq') - 1, '1'")
	refuse("an id drawn in the transaction, before its first insert",
		"begin", "create temp table mine as select nextval('events.t_id_seq') as id", "insert into events.t (id, payload) select id, '1' from mine")
	refuse("a COPY with an earlier id", "begin", "create temp table old (id bigint)", "insert into old select nextval('events.t_id_seq')",
		"insert into events.t (id, payload) select id, '1' from old")
	refuse("the replica role", "set session_replication_role = replica", "insert into events.t (payload) values ('1')")
	refuse("an insert straight into a child", "insert into howdah_segments.topic_2_1 (id, payload) values (1, '1')")
	refuse("a polluted setting", "select set_config('howdah.t1', '1:0', false)", "alter table events.t disable trigger howdah_mark",
		"insert into events.t (payload) values ('1')")
	b.run("alter table events.t enable trigger howdah_mark")
	allow("a row, rows, a CTE, a conflict", "insert into events.t (payload) values ('1')", "insert into events.t (payload) values ('1'), ('2')",
		"with x as (insert into events.t (payload) values ('1') returning id) select * from x",
		"insert into events.t (payload) values ('1') on conflict do nothing")
	allow("many statements, savepoints and exceptions in a transaction", "begin", "insert into events.t (payload) values ('1')", "savepoint a",
		"insert into events.t (payload) values ('1')", "rollback to a", "insert into events.t (payload) values ('1')",
		"do $$ begin insert into events.t (payload) values ('1'); raise exception 'x'; exception when others then null; end $$",
		"insert into events.t (payload) values ('1')", "commit")
	allow("an event of a topic in segments", "insert into events.s (payload) values ('1')")
	allow("transactions inside DO", "do $$ begin for i in 1..5 loop insert into events.t (payload) values ('1'); commit; end loop; end $$")

	// What a session or a role has set does not stand for a mark: the producer marks all the same, and the guard sees that mark.
	for _, left := range []string{"0", "-1", "40", "9223372036854775807", "words", ""} {
		conn := b.conn()
		b.on(conn, "select set_config('howdah.t1', pg_current_xact_id()::text, false), set_config('howdah.m1', '"+left+"', false)",
			"begin", "insert into events.t (payload) values ('1')")
		b.want("marks of a producer with a polluted setting", b.number("select count(*) from howdah.open_producers where topic = 't' and low_mark >= 50"), 1)
		_, err := conn.Exec(b.ctx, "insert into events.t (id, payload) values (3, '1')")
		b.refused(err, "HW003", "RETURNING")
		b.on(conn, "rollback", "begin", "insert into events.t (payload) values ('1')", "commit")
	}
	role := "set_" + b.name
	b.run("create role " + role)
	defer b.run("drop role " + role)
	b.run("alter role " + role + " set howdah.m1 = '0'")
	b.want("settings of roles that check finds", b.number("select count(*) from howdah.check() where problem like 'howdah.m1 is set for "+role+":%'"), 1)
	b.run("alter role " + role + " reset howdah.m1")

	for _, table := range []string{"t", "s"} {
		_, err := b.db.Pool().Exec(b.ctx, "insert into events."+table+" (payload, received_at) values ('1', now() - interval '1 day')")
		b.refused(err, "HW003", "event_time")
		_, err = b.db.Pool().Exec(b.ctx, "insert into events."+table+" (payload, received_at) values ('1', default)")
		b.must(err)
	}
	// CACHE makes a session draw ids ahead: its second transaction is refused at once.
	b.run("alter sequence events.t_id_seq cache 50")
	cached, other := b.conn(), b.conn()
	b.on(cached, "insert into events.t (payload) values ('1')")
	b.on(other, "insert into events.t (payload) values ('1')")
	_, err := cached.Exec(b.ctx, "insert into events.t (payload) values ('1')")
	b.refused(err, "HW003")
	b.run("alter sequence events.t_id_seq cache 1")

	_, err = b.db.Pool().Exec(b.ctx, "truncate events.t")
	b.refused(err, "55006", "TRUNCATE")
	_, err = b.db.Pool().Exec(b.ctx, "begin; set local session_replication_role = replica; truncate events.t restart identity; commit")
	b.refused(err, "55006", "TRUNCATE")
}

// L5: replication apply fires no ordinary triggers; the guard refuses its rows.
func TestGuardStopsReplication(t *testing.T) {
	c := privateCluster(t, "wal_level=logical")
	from, to := c.fresh(t), c.fresh(t)
	from.run("create schema events_from", "create table public.x (id bigint)")
	to.topic("t")
	from.topic("t")
	from.run("create publication p for table events.t", "select pg_create_logical_replication_slot('s', 'pgoutput')")
	to.run("create subscription s connection 'host=" + c.dir + " port=" + itoa(c.port) + " user=postgres dbname=" + from.name +
		"' publication p with (create_slot = false, copy_data = false)")
	from.publish("t", 1)
	to.until("the apply worker to be refused", func() bool { return contains(c.tail(), "was not drawn by this INSERT") })
	to.want("rows that came by replication", to.number("select count(*) from events.t"), 0)
	to.run("alter subscription s disable")
	to.until("the apply worker to end", func() bool {
		return to.number("select count(*) from pg_stat_subscription where pid is not null") == 0
	})
	to.run("alter subscription s set (slot_name = none)", "drop subscription s")
	from.until("the slot to be free", func() bool {
		_, err := from.db.Pool().Exec(from.ctx, "select pg_drop_replication_slot('s')")
		return err == nil
	})
}

// L6: a sequence that goes back is an error that names the topic, never a wait.
func TestSequenceGoesBack(t *testing.T) {
	b := fresh(t)
	b.topic("payments")
	c := b.consumer("c", "payments")
	b.publish("payments", 100)
	b.drain(c, 1000)
	b.run("select setval('events.payments_id_seq', 40)")
	_, err := c.Claim(b.ctx, 10)
	b.refused(err, "HW002", "payments", "from 100 to 40", "setval")
	if !errors.Is(err, howdah.ErrSequenceBack) {
		t.Errorf("not ErrSequenceBack: %v", err)
	}
	if problems, _ := b.db.Check(b.ctx); len(problems) == 0 {
		t.Error("check does not see that the sequence went back")
	}
	b.run("select setval('events.payments_id_seq', 100)")
	b.publish("payments", 5)
	b.want("events", int64(len(b.drain(c, 10))), 5)
}

// L7: latest, and a time, with producers in flight.
func TestStartWithProducersInFlight(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.publish("t", 10)
	open := b.conn()
	b.on(open, "begin", "insert into events.t (payload) values ('\"open\"')")
	b.publish("t", 5) // commits above the open one
	var since time.Time
	b.must(b.db.Pool().QueryRow(b.ctx, "select min(received_at) from events.t where id > 11").Scan(&since))
	latest := b.consumer("latest", "t", howdah.FromLatest())
	timed := b.consumer("timed", "t", howdah.FromTime(since))
	moved := b.consumer("moved", "t")
	b.must(moved.Seek(b.ctx, "latest"))
	b.on(open, "commit")
	for _, c := range []*howdah.Consumer{latest, timed, moved} {
		if ids := b.drain(c, 100); len(ids) != 6 || ids[0] != 11 {
			t.Errorf("consumer %s got %v, want 11 to 16", c.Name(), ids)
		}
	}
	b.want("skipped ids", b.number("select last_id - first_id + 1 from howdah.claims where outcome = 'skipped'"), 10)
}

// L8: other databases' marks, and other topics', hold nobody back.
func TestMarksOfOthers(t *testing.T) {
	b, other := fresh(t), fresh(t)
	for _, x := range []*bench{b, other} {
		x.topic("t")
		x.topic("u")
	}
	foreign, neighbour := other.conn(), b.conn()
	other.on(foreign, "begin", "insert into events.t (payload) values ('1')")
	b.on(neighbour, "begin", "insert into events.u (payload) values ('1')")
	b.publish("t", 20)
	b.want("stable id", b.number("select howdah.stable_id('t')"), 20)
	b.want("open producers of t", b.number("select count(*) from howdah.open_producers where topic = 't'"), 0)
	b.want("open producers of u", b.number("select count(*) from howdah.open_producers where topic = 'u'"), 1)
}
