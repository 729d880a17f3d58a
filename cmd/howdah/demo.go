package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/server"
)

func (a *app) demoLogCommand() *cobra.Command {
	var length time.Duration
	var http string
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Show the event log alone: PostgreSQL, server, a producer and five consumers",
		Long: `Start the private PostgreSQL (or use --db) and the server, a producer of payments
that knows no consumer, and consumers that each see every payment:

  demo_scoring  ordered by key in 4 partitions, 4 workers
  demo_audit    writes a table in the transaction that acks: exactly once
  demo_slow     25 ms for an event: falls behind in a burst and catches up
  demo_picky    refuses some payments: retries, then dead letters
  demo_late     created after a while, reads everything from the start

Ctrl-C ends it. A second start goes on with the same data. Meanwhile, from another
terminal: howdah tail demo_payments, howdah status, howdah psql, or
echo '{"amount":1}' | howdah publish demo_payments`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < 0 {
				return usageError{fmt.Errorf("--for is %v, which is negative", length)}
			}
			return a.demo(cmd.Context(), length, http)
		},
	}
	cmd.Flags().DurationVar(&length, "for", 0, "end by itself after this `time`, such as 30s (default: Ctrl-C ends it)")
	cmd.Flags().StringVar(&http, "http", "", "`address` to serve HTTP on (default "+server.DefaultHTTP+", or a free port where that is taken)")
	return cmd
}

func (a *app) demo(ctx context.Context, length time.Duration, http string) error {
	logs := &logWriter{w: a.Err}
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := a.openServed(ctx, log, func(s string) { _, _ = fmt.Fprintln(a.Err, s) })
	if err != nil {
		return err
	}
	var state upState
	defer func() { state.remove() }() // when nothing is written to the data folder any more
	defer db.Close()
	served := servedLab{db: db}
	defer served.close()
	s, err := demoServer(&served, http, log)
	if err != nil {
		return err
	}
	state = demoState(ctx, db, s)
	d := &demo{a: a, db: db, logs: logs, title: "howdah demo   " + s.URL() + "   s3 " + s.S3URL(), counts: map[string]*tally{}}
	if err := d.prepare(ctx); err != nil {
		return errors.Join(err, s.Close())
	}

	running, stop := context.WithCancel(ctx) // the producer and the late consumer
	defer stop()
	if length > 0 {
		running, stop = context.WithTimeout(ctx, length)
		defer stop()
	}
	working, finish := context.WithCancelCause(ctx) // consumers and server
	defer finish(nil)
	var all sync.WaitGroup
	begin := func(ctx context.Context, what string, f func(context.Context) error) {
		all.Go(func() {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				finish(fmt.Errorf("%s: %w", what, err))
				stop()
			}
		})
	}
	begin(working, "server", s.Run)
	for _, c := range d.consumers() {
		begin(working, c.name, c.run)
	}
	begin(running, "producer", d.produce)
	begin(running, "late consumer", func(ctx context.Context) error { return d.late(ctx, working) })
	go func() {
		select {
		case <-db.Stopped():
			finish(errors.New("the private PostgreSQL was stopped"))
			stop()
		case <-working.Done():
		}
	}()

	close := d.open()
	err = d.show(running, working)
	close()
	finish(nil)
	all.Wait()
	if cause := context.Cause(working); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errors.Join(err, d.summary(context.WithoutCancel(ctx)))
}

// demoServer takes a free port where nobody asked for one and the usual one is taken.
func demoServer(served *servedLab, http string, log *slog.Logger) (*server.Server, error) {
	c := server.Config{DB: served.db, HTTP: http, Log: log, Version: version(), Token: os.Getenv("HOWDAH_TOKEN"), Grace: 3 * time.Second, Extend: labRoutes(served), Lab: labPage{served}}
	s, err := newServer(c)
	var taken *net.OpError
	if http == "" && errors.As(err, &taken) {
		c.HTTP = "127.0.0.1:0"
		s, err = newServer(c)
	}
	return s, err
}

// demoState notes in the data folder that a demo serves it, unless another server does.
func demoState(ctx context.Context, db *howdah.DB, s *server.Server) upState {
	state := newState("demo", db, s)
	if state.Data == "" || readState(state.Data).serves(ctx) {
		return upState{}
	}
	_ = state.write() // it is only for those who come later
	return state
}
