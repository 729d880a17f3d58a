package prove_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/howdah/howdah"
)

func cut(table string) (schema, name string, ok bool) { return strings.Cut(table, ".") }

// payloadOf is the last of a producer's columns.
func payloadOf(cols string) string {
	all := strings.Split(cols, ", ")
	return all[len(all)-1]
}

// A race is producers against consumers: what traffic gives to each consumer, and from which id on it was due.
type race struct {
	ledgers map[string]*ledger
	starts  map[string]int64
}

// traffic runs producers for d and consumers beside them, some from the start and some that are made meanwhile, and
// returns when all has been consumed.
func (b *bench) traffic(r *rand.Rand, d time.Duration, producers int, change func(*producer)) *race {
	b.Helper()
	x := &race{ledgers: map[string]*ledger{}, starts: map[string]int64{}}
	write, stop := context.WithTimeout(b.ctx, d)
	defer stop()
	done := make(chan struct{})
	failed := make(chan error, 100)
	var writers, readers sync.WaitGroup
	for i := range producers {
		p := b.producer(r, fmt.Sprint(i))
		if change != nil {
			change(p)
		}
		writers.Go(func() {
			if err := p.work(write); err != nil {
				failed <- err
			}
		})
	}
	add := func(name string, start howdah.ConsumerOption) {
		c := b.consumer(name, "t", start, howdah.Lease(10*time.Minute))
		x.starts[name] = b.number("select k.head from howdah.claims k join howdah.consumer c on c.number = k.consumer where c.name = $1 order by claim_id limit 1", name)
		l := newLedger()
		x.ledgers[name] = l
		for range 2 {
			conn, batch := b.conn(), 1+r.IntN(300)
			readers.Go(func() {
				if err := b.sqlWorker(conn, name, batch, done, l); err != nil {
					failed <- err
				}
			})
		}
		readers.Go(func() {
			if err := b.goWorker(c, done, l); err != nil {
				failed <- err
			}
		})
	}
	add("first", howdah.FromEarliest())
	tick := time.NewTicker(d / 4)
	defer tick.Stop()
	for i := range 2 {
		select {
		case <-tick.C:
		case err := <-failed:
			b.Fatal(err)
		}
		add(fmt.Sprint("early", i), howdah.FromEarliest())
		add(fmt.Sprint("late", i), howdah.FromLatest())
	}
	writers.Wait()
	close(done)
	readers.Wait()
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
	return x
}

// judge wants every committed event with every consumer exactly once.
func (x *race) judge(b *bench, table string) (lost int) {
	b.Helper()
	ids := b.committed(table)
	if len(ids) < 1000 {
		b.Errorf("only %d events were committed", len(ids))
	}
	for name, l := range x.ledgers {
		gone, twice, ghosts := l.compare(ids, x.starts[name])
		lost += len(gone)
		if len(gone)+len(twice)+len(ghosts) > 0 {
			b.Errorf("consumer %s: lost %s, twice %s, never committed or before its start %s", name, few(gone), few(twice), few(ghosts))
		}
	}
	b.Logf("%d events to %d consumers", len(ids), len(x.ledgers))
	return lost
}

// Every committed event reaches every consumer exactly once, whatever producers do; from the first id of an unused
// sequence on.
func TestCommitOrder(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.traffic(random(t), pick(4*time.Second, 10*time.Minute), 8, nil).judge(b, "events.t")
}

// The same in a topic with partitions, in segments.
func TestCommitOrderInSegments(t *testing.T) {
	b := fresh(t)
	b.run("update howdah.setting set value = '50000' where name = 'segment_ids'", "select howdah.create_topic('t', 4, '1 day')")
	up, stop := context.WithCancel(b.ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() {
		for up.Err() == nil {
			if err := b.db.Upkeep(b.ctx); err != nil {
				t.Error(err)
				return
			}
		}
	})
	x := b.traffic(random(t), pick(3*time.Second, 2*time.Minute), 6, nil)
	stop()
	keeper.Wait()
	x.judge(b, "events.t")
}

// Marks are ids modulo 2^31; crossing that must not hide one.
func TestCommitOrderAcross2To31(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.run("select setval('events.t_id_seq', 2147483648 - 5000, false)")
	b.traffic(random(t), pick(3*time.Second, time.Minute), 8, nil).judge(b, "events.t")
	if top := b.number("select max(id) from events.t"); top < 1<<31 {
		t.Errorf("the ids ended at %d, below 2^31", top)
	}
}

// The test of the test: with a stable id that forgets transactions in flight, or reads the sequence as a table, the
// ledgers must find losses.
func TestCommitOrderNoticesAWrongRule(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	b.run(`create or replace function howdah.stable(t howdah.topic, out stable bigint, out drawn bigint, out marked boolean) language plpgsql volatile as $$
		begin drawn := coalesce(pg_sequence_last_value(t.sequence), 0); stable := drawn; marked := false; end $$`)
	x := b.traffic(random(t), 2*time.Second, 8, func(p *producer) { p.hold = 50 })
	lost := 0
	ids := b.committed("events.t")
	for name, l := range x.ledgers {
		gone, _, _ := l.compare(ids, x.starts[name])
		lost += len(gone)
	}
	if lost == 0 {
		t.Error("a stable id without marks lost nothing: this test cannot find what it looks for")
	}
	t.Logf("%d of %d events lost by the wrong rule", lost, len(ids))
}

// Bulk writers beside one-row transactions that are held: L1 loses one to four of five million rows, so only the long
// version can show it.
func TestCommitOrderBulk(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	ctx, stop := context.WithCancel(b.ctx)
	defer stop()
	r := random(t)
	failed := make(chan error, 20)
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	for i := range 14 {
		conn := b.conn()
		hold := rand.New(rand.NewPCG(r.Uint64(), 0))
		writers.Go(func() {
			for ctx.Err() == nil {
				sql := "insert into events.t (payload) select '1' from generate_series(1, 5000)"
				if i >= 2 {
					sql = fmt.Sprintf("begin; insert into events.t (payload) values ('1'); select pg_sleep(%f); commit", 0.001+0.004*hold.Float64())
				}
				if _, err := conn.Exec(b.ctx, sql); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	b.consumer("c", "t", howdah.Lease(time.Hour))
	var mu sync.Mutex
	var read int64
	for range 2 {
		conn := b.conn()
		readers.Go(func() {
			for {
				last := false
				select {
				case <-done:
					last = true
				default:
				}
				var claim, events int64
				err := conn.QueryRow(b.ctx, "select coalesce(max(claim_id), 0), count(*) from howdah.claim('c', 10000)").Scan(&claim, &events)
				if err == nil && events > 0 {
					_, err = conn.Exec(b.ctx, "select howdah.ack($1)", claim)
				}
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				read += events
				mu.Unlock()
				if events == 0 && last {
					return
				}
			}
		})
	}
	for b.number("select coalesce(pg_sequence_last_value('events.t_id_seq'), 0)") < int64(pick(300_000, 30_000_000)) {
		select {
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	stop()
	writers.Wait()
	close(done)
	readers.Wait()
	b.want("events read", read, b.number("select count(*) from events.t"))
}

// Adoption while one-row transactions go on: nothing is lost, nobody is refused.
func TestAdoptionWithWritersActive(t *testing.T) {
	b := fresh(t)
	b.run("create table public.raw (id serial primary key, data jsonb not null, at timestamp not null default localtimestamp)",
		"insert into public.raw (data) select '{}' from generate_series(1, 3000)")
	var once sync.Once
	adopted := make(chan string, 1)
	write, stop := context.WithTimeout(b.ctx, pick(3*time.Second, 30*time.Second))
	defer stop()
	r := random(t)
	var writers sync.WaitGroup
	failed := make(chan error, 10)
	begun := make(chan struct{})
	for i := range 6 {
		p := b.producer(r, fmt.Sprint(i))
		p.table, p.cols, p.row = "public.raw", "data", "'{}'"
		writers.Go(func() {
			for n := 0; write.Err() == nil; n++ {
				if err := p.transaction(b.ctx, n); err != nil {
					failed <- err
					return
				}
				if n == 20 {
					once.Do(func() { close(begun) })
				}
			}
		})
	}
	<-begun
	report, err := b.db.AdoptTopic(b.ctx, "t", "public.raw", "id", "data", "at")
	b.must(err)
	adopted <- report
	c := b.consumer("c", "t", howdah.Lease(10*time.Minute))
	done := make(chan struct{})
	l := newLedger()
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			if err := b.goWorker(c, done, l); err != nil {
				failed <- err
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	x := &race{ledgers: map[string]*ledger{"c": l}, starts: map[string]int64{"c": 1}}
	x.judge(b, "public.raw")
	if !strings.Contains(report, "UTC") {
		t.Errorf("adoption does not say what it decided about a time without a zone: %s", report)
	}
}

// Adoption refuses what cannot be safe, says what helps, and changes nothing.
func TestAdoptionRefuses(t *testing.T) {
	b := fresh(t)
	b.run("create table public.cached (id bigserial primary key, data json)", "alter sequence cached_id_seq cache 20",
		"create unlogged table public.unlogged (id bigserial primary key, data json)",
		"create table public.unindexed (id bigserial, data json)",
		"create table public.plain (id bigint primary key, data json)",
		"create table public.down (id bigint primary key, data json)", "create sequence down_s increment -1",
		"alter table public.down alter id set default nextval('public.down_s')",
		"create table public.cycling (id serial primary key, data json)", "alter sequence cycling_id_seq cycle",
		"create table public.ruled (id bigserial primary key, data json)", "alter table public.ruled enable row level security")
	for table, words := range map[string]string{
		"cached": "cache 1", "unlogged": "set logged", "unindexed": "create unique index concurrently", "plain": "no sequence",
		"down": "increment 1", "cycling": "no cycle", "ruled": "row-level security",
	} {
		_, err := b.db.AdoptTopic(b.ctx, table, "public."+table, "id", "data", "")
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("table %s: the refusal does not say %q: %v", table, words, err)
		}
	}
	b.want("topics", b.number("select count(*) from howdah.topic"), 0)
	b.want("triggers", b.number("select count(*) from pg_trigger where tgname like 'howdah%'"), 0)

	// A writer that does not end: adoption gives up after 2 s, and works when the writer has gone.
	b.run("create table public.busy (id bigserial primary key, data json)")
	writer := b.conn()
	b.on(writer, "begin", "insert into public.busy (data) values ('1')")
	_, err := b.db.AdoptTopic(b.ctx, "busy", "public.busy", "id", "data", "")
	b.refused(err, "55P03", "waited 2 s")
	b.on(writer, "commit")
	_, err = b.db.AdoptTopic(b.ctx, "busy", "public.busy", "id", "data", "")
	b.must(err)
	b.want("events", int64(len(b.drain(b.consumer("c", "busy"), 10))), 1)
}

// check finds an id above the last one drawn: it passes the guard, because it lies above the mark.
func TestCheckFindsAnIDAboveTheSequence(t *testing.T) {
	b := fresh(t)
	b.topic("t")
	c := b.consumer("c", "t")
	b.publish("t", 10)
	b.run("insert into events.t (id, payload) values (12, '1')")
	if problems, err := b.db.Check(b.ctx); err != nil || len(problems) != 1 || !strings.Contains(problems[0].Problem, "12") {
		t.Errorf("check says %v, %v", problems, err)
	}
	b.want("events up to the stable id", int64(len(b.drain(c, 10))), 10)
	b.publish("t", 1) // draws 11
	_, err := b.db.Pool().Exec(b.ctx, "insert into events.t (payload) values ('2')")
	b.refused(err, "23505") // draws 12: loud
	b.publish("t", 1)
	b.want("the others, with 12", int64(len(b.drain(c, 10))), 3)
}
