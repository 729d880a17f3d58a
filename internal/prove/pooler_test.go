package prove_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// refusedTool wants psql to fail on a script, with words.
func (b *bench) refusedTool(script []byte, words string) {
	b.Helper()
	cmd := exec.Command(filepath.Join(b.bin, "psql"), "-h", b.dir, "-p", itoa(b.port), "-U", "postgres", "-q", "-v", "ON_ERROR_STOP=1", "-d", b.name)
	cmd.Stdin = strings.NewReader(string(script))
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), words) {
		b.Errorf("not refused with %q: %v\n%s", words, err, out)
	}
}

// pooler starts a PgBouncer in transaction mode before the bench's database and returns the URL through it.
func (b *bench) pooler(size int) string {
	b.Helper()
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		path = "/usr/sbin/pgbouncer"
		if _, err := os.Stat(path); err != nil {
			if os.Getenv("CI") == "true" {
				b.Fatal("pgbouncer is missing; install the Debian package pgbouncer")
			}
			b.Skip("pgbouncer is missing; install the Debian package pgbouncer to run this test")
		}
	}
	dir, err := workDir()
	b.must(err)
	port, err := freePort()
	b.must(err)
	ini := fmt.Sprintf(`[databases]
%s = host=%s port=%d user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = %s
listen_port = %d
auth_type = any
pool_mode = transaction
default_pool_size = %d
max_client_conn = 500
logfile = %s/log
`, b.name, b.dir, b.port, dir, port, size, dir)
	b.must(os.WriteFile(filepath.Join(dir, "ini"), []byte(ini), 0o644))
	cmd, err := unprivileged(exec.Command(path, filepath.Join(dir, "ini")))
	b.must(err)
	b.must(cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			b.Logf("pgbouncer's log:\n%s", log)
		}
		removeAll(dir)
	})
	url := fmt.Sprintf("postgres:///%s?host=%s&port=%d&user=postgres", b.name, dir, port)
	b.until("pgbouncer to answer", func() bool {
		config, err := pgx.ParseConfig(url)
		b.must(err)
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
		conn, err := pgx.ConnectConfig(b.ctx, config)
		if err == nil {
			_ = conn.Close(b.ctx)
		}
		return err == nil
	})
	return url
}

// 7.7: PgBouncer in transaction mode between everything and PostgreSQL: it is noticed, no flag is raised through it, and
// publishing, claiming, acking and running lose and double nothing.
func TestPgBouncer(t *testing.T) {
	b := fresh(t)
	direct := b.db
	b.topic("t")
	through := *b
	through.url = b.pooler(6)
	through.open() // migrates through the pooler as well
	t.Cleanup(through.db.Close)
	if !through.db.Pooler() || direct.Pooler() {
		t.Fatalf("pooler found: %v through it, %v without", through.db.Pooler(), direct.Pooler())
	}
	c := through.consumer("c", "t", howdah.Lease(10*time.Minute))
	sleepers := through.consumer("s", "t", howdah.Lease(10*time.Minute))
	l, slept := newLedger(), newLedger()
	ctx, stop := context.WithTimeout(b.ctx, pick(3*time.Second, time.Minute))
	defer stop()
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	topic := through.db.Topic("t")
	for i := range 4 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				var err error
				switch (i + n) % 3 {
				case 0:
					_, err = topic.Publish(b.ctx, howdah.Event{Key: "k", Payload: []byte("1")})
				case 1:
					batch := make([]howdah.Event, 50)
					for j := range batch {
						batch[j].Payload = []byte("{}")
					}
					_, err = topic.Publish(b.ctx, batch...)
				case 2:
					err = pgx.BeginFunc(b.ctx, through.db.Pool(), func(tx pgx.Tx) error {
						_, err := topic.PublishTx(b.ctx, tx, howdah.Event{Payload: []byte("2")})
						if err == nil && n%5 == 0 {
							return tx.Rollback(b.ctx)
						}
						return err
					})
					if err == pgx.ErrTxClosed {
						err = nil
					}
				}
				if err != nil {
					t.Errorf("publish through the pooler: %v", err)
					return
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			if err := through.goWorker(c, done, l); err != nil {
				t.Errorf("run through the pooler: %v", err)
			}
		})
	}
	readers.Go(func() {
		if err := through.goWorker(sleepers, done, slept); err != nil {
			t.Errorf("run through the pooler: %v", err)
		}
	})
	writers.Wait()
	b.want("flags raised through the pooler", b.number("select count(*) from pg_locks where locktype = 'advisory' and classid = 1213159169 and mode = 'ExclusiveLock'"), 0)
	close(done)
	readers.Wait()
	x := &race{ledgers: map[string]*ledger{"c": l, "s": slept}, starts: map[string]int64{"c": 1, "s": 1}}
	x.judge(b, "events.t")

	// One claim by hand, and effects in a transaction.
	b.run("create table effects (id bigint primary key)")
	through.publish("t", 10)
	k := through.claim(c, 4)
	_, err := k.Extend(b.ctx, 0)
	b.must(err)
	through.ack(k, k.Events[0].ID)
	_, err = k.Nack(b.ctx, "once more", k.Events[1].ID)
	b.must(err)
	through.ack(k)
	b.run("update howdah.pending set due = now() where queue_at is null")
	b.must(c.RunTx(b.ctx, func(ctx context.Context, tx pgx.Tx, batch []howdah.Event) error {
		for _, e := range batch {
			if _, err := tx.Exec(ctx, "insert into effects values ($1)", e.ID); err != nil {
				return err
			}
		}
		return nil
	}, howdah.UntilIdle()))
	b.want("effects", b.number("select count(*) from effects"), 7)
}
