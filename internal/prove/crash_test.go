package prove_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// workerMain is a worker process: it applies events with RunTx and notes them with Run, until it is killed.
func workerMain(url string) {
	ctx := context.Background()
	db, err := howdah.Open(ctx, url, howdah.WithLogger(slog.New(slog.DiscardHandler)))
	for ; err != nil; db, err = howdah.Open(ctx, url, howdah.WithLogger(slog.New(slog.DiscardHandler))) {
		<-time.After(50 * time.Millisecond) // the server may be down just now
	}
	ended := make(chan error, 2)
	go func() {
		ended <- db.Consumer("exact").RunTx(ctx, func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
			for _, e := range batch {
				if _, err := tx.Exec(ctx, "insert into effects values ($1, pg_backend_pid())", e.ID); err != nil {
					return err
				}
			}
			return nil
		}, howdah.Workers(3), howdah.Batch(20))
	}()
	go func() {
		ended <- db.Consumer("least").Run(ctx, func(ctx context.Context, batch []howdah.Event) error {
			for _, e := range batch {
				if _, err := db.Pool().Exec(ctx, "insert into seen values ($1)", e.ID); err != nil {
					return err
				}
			}
			return nil
		}, howdah.Workers(3), howdah.Batch(20))
	}()
	fmt.Fprintln(os.Stderr, "worker ended:", <-ended)
	os.Exit(3)
}

// A fleet is worker processes that are replaced when they die.
type fleet struct {
	b       *bench
	mu      sync.Mutex
	procs   []*exec.Cmd
	stopped bool
	wait    sync.WaitGroup
	ended   []string
}

func (b *bench) fleet(n int) *fleet {
	f := &fleet{b: b}
	for range n {
		f.spawn()
	}
	b.Cleanup(f.stop)
	return f
}

func (f *fleet) spawn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HOWDAH_PROVE_WORKER="+f.b.url)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		f.b.Errorf("start worker: %v", err)
		return
	}
	f.procs = append(f.procs, cmd)
	f.wait.Go(func() {
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() == 3 {
			f.mu.Lock()
			f.ended = append(f.ended, "a worker gave up by itself")
			f.mu.Unlock()
		}
		f.spawn()
	})
}

// kill ends the oldest worker with SIGKILL; another takes its place.
func (f *fleet) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.procs[0].Process.Kill()
	f.procs = f.procs[1:]
}

func (f *fleet) stop() {
	f.mu.Lock()
	f.stopped = true
	for _, p := range f.procs {
		_ = p.Process.Kill()
	}
	f.mu.Unlock()
	f.wait.Wait()
	for _, s := range f.ended {
		f.b.Error(s)
	}
}

// publisher publishes numbered events, trying again while the server is away, and returns the ids that were acknowledged.
func (b *bench) publisher(ctx context.Context, failed func(error)) (acked []int64) {
	topic := b.db.Topic("t")
	for n := 0; ctx.Err() == nil; n++ {
		batch := make([]howdah.Event, 1+n%5)
		for i := range batch {
			batch[i].Payload = fmt.Appendf(nil, "%d", n)
		}
		id, err := topic.Publish(b.ctx, batch...)
		if err != nil {
			if errors.Is(err, howdah.ErrInvalid) || errors.Is(err, howdah.ErrRefused) {
				failed(err)
				return acked
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		acked = append(acked, id) // the last of the batch; a batch is all or nothing
	}
	return acked
}

// Worker processes, backends and the postmaster are killed in the middle of traffic. Nothing acknowledged is lost; the
// effects of RunTx are there exactly once.
func TestCrashes(t *testing.T) {
	c := privateCluster(t, "autovacuum=off")
	b := c.fresh(t)
	r := random(t)
	b.topic("t")
	b.run("create table effects (id bigint, pid int)", "create table seen (id bigint)")
	for _, name := range []string{"exact", "least"} {
		b.consumer(name, "t", howdah.Lease(time.Second), howdah.MaxAttempts(1000))
	}
	f := b.fleet(2)
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	published := make(chan []int64, 2)
	for range 2 {
		go func() { published <- b.publisher(ctx, func(err error) { t.Error(err) }) }()
	}
	effects := func() (n int64) {
		_ = b.db.Pool().QueryRow(b.ctx, "select count(*) from effects").Scan(&n)
		return n
	}
	progress := func(what string) {
		from := effects()
		b.until("effects to go on after "+what, func() bool { return effects() >= from+100 })
	}
	progress("the start")
	for range pick(1, 10) {
		f.kill()
		progress("a worker was killed")
		var pid int
		b.until("a backend to kill", func() bool {
			return b.db.Pool().QueryRow(b.ctx, `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
				and state <> 'idle' order by random() limit 1`).Scan(&pid) == nil
		})
		_ = syscall.Kill(pid, syscall.SIGKILL) // the postmaster restarts all
		progress("a backend was killed")
		for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
			c.crash(sig)
			b.must(c.start())
			progress(fmt.Sprintf("the server got %v", sig))
			if r.IntN(2) == 0 {
				f.kill()
			}
		}
	}
	cancel()
	acked := append(<-published, <-published...)
	b.until("all to be consumed", func() bool {
		var lag int64 = 1
		_ = b.db.Pool().QueryRow(b.ctx, "select sum(lag) from howdah.consumers").Scan(&lag)
		return lag == 0
	})
	f.stop()
	b.want("acknowledged events that are not there", b.number("select count(*) from unnest($1::bigint[]) i where not exists (select from events.t where id = i)", acked), 0)
	b.want("events without an effect", b.number("select count(*) from events.t where not exists (select from effects e where e.id = t.id)"), 0)
	b.want("events with more than one effect", b.number("select count(*) from (select from effects group by id having count(*) > 1) x"), 0)
	b.want("effects without an event", b.number("select count(*) from effects e where not exists (select from events.t where t.id = e.id)"), 0)
	b.want("events that Run never saw", b.number("select count(*) from events.t where not exists (select from seen s where s.id = t.id)"), 0)
	b.want("dead letters", b.number("select count(*) from howdah.dead"), 0)
	t.Logf("%d batches acknowledged, %d events, %d seen again by Run", len(acked), b.number("select count(*) from events.t"),
		b.number("select count(*) from seen")-b.number("select count(distinct id) from seen"))
}

// L3: a crash takes back a claim that was not yet on disk. Its worker lives on: its ack is refused, and nobody gets its
// claim's id again; the events are delivered again.
func TestWorkerOutlivesItsClaim(t *testing.T) {
	c := privateCluster(t, "wal_writer_delay=10s", "autovacuum=off", "bgwriter_delay=10s")
	b := c.fresh(t)
	b.topic("t")
	b.publish("t", 1000)
	one, two := b.consumer("one", "t"), b.consumer("two", "t")
	old := map[int64]bool{}
	lost := 0
	for range pick(2, 10) {
		b.run("checkpoint")
		k := b.claim(one, 100)
		c.crash(syscall.SIGQUIT)
		b.must(c.start())
		var there int64
		b.until("the server to answer", func() bool {
			return b.db.Pool().QueryRow(b.ctx, "select count(*) from howdah.claims where claim_id = $1", k.ID).Scan(&there) == nil
		})
		if old[k.ID] {
			t.Fatalf("claim id %d was given out twice", k.ID)
		}
		old[k.ID] = true
		other := b.claim(two, 10)
		if old[other.ID] {
			t.Fatalf("claim id %d was given out twice", other.ID)
		}
		old[other.ID] = true
		if there > 0 {
			b.ack(k) // the claim reached the disk after all
		} else {
			lost++
			if _, err := k.Ack(b.ctx); !errors.Is(err, howdah.ErrClaimLost) {
				t.Errorf("the ack of a claim that was lost in a crash: %v", err)
			}
			again := b.claim(one, 100)
			if again == nil || again.Events[0].ID != k.Events[0].ID {
				t.Errorf("events from %d on are not delivered again, but %v", k.Events[0].ID, idsOf(again))
			}
			b.ack(again)
		}
		b.ack(other)
	}
	if lost == 0 {
		t.Error("no crash took a claim back: this test showed nothing")
	}
}
