package eventlog_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah/internal/eventlog"
	"github.com/howdah/howdah/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// looks is sent to for every call of howdah.watch.
type looks chan struct{}

func (l looks) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.Contains(q.SQL, "howdah.watch(") {
		l <- struct{}{}
	}
	return ctx
}

func (l looks) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestSleeper: who waits sleeps on, look after look, until something is published or to be done again; who wants to know when
// nothing is left is told.
func TestSleeper(t *testing.T) {
	config, err := pgxpool.ParseConfig(testdb.New(t))
	if err != nil {
		t.Fatal(err)
	}
	look := make(looks, 1000)
	config.ConnConfig.Tracer = look
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	run := func(sql string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	run("select howdah.create_topic('t')")
	run("select howdah.create_consumer('c', 't')")
	w := eventlog.NewWaker(pool, slog.Default())
	defer w.Close()

	wait := func(once bool) <-chan bool {
		reader, err := eventlog.NewReader(t.Context(), pool, "c")
		if err != nil {
			t.Fatal(err)
		}
		answer := make(chan bool, 1)
		go func() {
			taken, more, err := w.Wait(t.Context(), "c", &eventlog.Ask{Consumer: "c", Batch: 10, Reader: reader, Once: once}, nil)
			if err != nil {
				t.Error(err)
			}
			answer <- taken != nil || more
		}()
		return answer
	}
	told := func(answer <-chan bool, what string) {
		t.Helper()
		select {
		case something := <-answer:
			if !something {
				t.Errorf("%s: the sleeper wakes for nothing", what)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: the sleeper sleeps on", what)
		}
	}
	settle := func() {
		run("select count(howdah.ack(c)) from (select distinct claim_id from howdah.open_claims) o (c)")
		run("select count(howdah.ack(c)) from (select distinct claim_id from howdah.claim('c')) o (c)")
	}

	// asleep starts a sleeper and returns when it has looked often enough without waking. Until the flag is up nobody sleeps
	// for long.
	asleep := func() <-chan bool {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
			for len(look) > 0 {
				<-look
			}
			answer := wait(false)
			for n := 0; answer != nil; {
				select {
				case <-look:
					if n++; n == 4 { // two to fall asleep, two in its sleep
						return answer
					}
				case <-answer:
					answer = nil
				}
			}
		}
		t.Fatal("nobody sleeps for long")
		return nil
	}

	sleeping := asleep()
	run("insert into events.t (payload) values ('1')")
	told(sleeping, "an event")
	settle()
	told(wait(true), "nothing is left")

	sleeping = asleep()
	run("select howdah.replay('c', 1, 1)")
	told(sleeping, "a replay")
}
