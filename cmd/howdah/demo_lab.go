package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab"
)

type labDemo struct {
	seed     uint64
	seedSet  bool
	speed    float64
	scenario string
	http     string
	length   time.Duration
	until    int
}

func (a *app) demoCommand() *cobra.Command {
	var o labDemo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show it at work: PostgreSQL, server and the ML lab, live",
		Long: `Start the private PostgreSQL (or use --db), the server and the ML lab: a simulated
business whose payments, labels and profiles arrive as events; durable pipelines that
clean, join, compute features, score, evaluate and monitor; training, a registry with
champion and challenger, and alerts. First 60 days of prehistory are loaded (half a
minute or so), then scenario time runs 720 times as fast as the clock: a day in 2 minutes.

Ctrl-C ends it. A second start goes on with the same data. Meanwhile, from another
terminal: howdah lab status, howdah lab inject rename, howdah tail predictions.

howdah demo log shows the event log alone: one producer, five kinds of consumers.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.length < 0 || o.speed <= 0 {
				return usageError{fmt.Errorf("--for is %v and --speed %v; give what is above 0", o.length, o.speed)}
			}
			o.seedSet = cmd.Flags().Changed("seed") || cmd.Flags().Changed("scenario")
			return a.labDemo(cmd.Context(), o)
		},
	}
	cmd.Flags().Uint64Var(&o.seed, "seed", 42, "`number` of the world")
	cmd.Flags().Float64Var(&o.speed, "speed", 720, "scenario seconds per second, once it is live, on a new lab")
	cmd.Flags().StringVar(&o.scenario, "scenario", "", "scenario `file` with values that differ from the delivered ones")
	cmd.Flags().DurationVar(&o.length, "for", 0, "end by itself after this `time` (default: Ctrl-C ends it)")
	cmd.Flags().IntVar(&o.until, "until", 0, "end by itself when this scenario `day` begins")
	cmd.Flags().StringVar(&o.http, "http", "", "`address` to serve HTTP on (default 127.0.0.1:8470, or a free port where that is taken)")
	cmd.AddCommand(a.demoLogCommand())
	return cmd
}

func (a *app) labDemo(ctx context.Context, o labDemo) error {
	logs := &logWriter{w: a.Err}
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := a.openServed(ctx, log, func(s string) { _, _ = fmt.Fprintln(a.Err, s) }, howdah.WithMaxConns(labConns))
	if err != nil {
		return err
	}
	var state upState
	defer func() { state.remove() }() // when nothing is written to the data folder any more
	defer db.Close()
	l, err := a.demoLab(ctx, db, o, log)
	if err != nil {
		return err
	}
	served := servedLab{db: db}
	defer served.close()
	s, err := demoServer(&served, o.http, log)
	if err != nil {
		return err
	}
	state = demoState(ctx, db, s)
	_, _ = fmt.Fprintln(a.Err, "Serving "+s.URL())
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if o.length > 0 {
		var end context.CancelFunc
		running, end = context.WithTimeout(running, o.length)
		defer end()
	}
	var all sync.WaitGroup
	begin := func(what string, f func(context.Context) error) {
		all.Go(func() {
			if err := f(running); err != nil && running.Err() == nil {
				stop(fmt.Errorf("%s: %w", what, err))
			}
		})
	}
	d := &labScreen{a: a, l: l, logs: logs, title: "howdah demo   " + s.URL(), phase: "starting"}
	begin("server", s.Run)
	begin("lab", func(ctx context.Context) error {
		err := l.Run(ctx, lab.RunOptions{Speed: o.speed, Until: o.until, Progress: d.progress, Ready: d.ready})
		if err == nil {
			stop(errDone)
		}
		return err
	})
	go func() {
		select {
		case <-db.Stopped():
			stop(errors.New("the private PostgreSQL was stopped"))
		case <-running.Done():
		}
	}()
	err = d.run(running)
	stop(nil)
	all.Wait()
	if cause := context.Cause(running); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, errDone) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return errors.Join(err, d.summary(context.WithoutCancel(ctx)))
}

// errDone ends a demo that was to end on a scenario day.
var errDone = errors.New("the last day is over")

// demoLab opens the lab that the database plays, or a new one.
func (a *app) demoLab(ctx context.Context, db *howdah.DB, o labDemo, log *slog.Logger) (*lab.Lab, error) {
	if !o.seedSet {
		l, err := a.openLab(ctx, db, log)
		if !errors.Is(err, howdah.ErrNotFound) {
			return l, err
		}
	}
	config, err := labConfig(o.scenario)
	if err != nil {
		return nil, err
	}
	return newLab(ctx, db, config, o.seed, log)
}

// labScreen shows the lab in a terminal, or as lines.
type labScreen struct {
	a     *app
	l     *lab.Lab
	logs  *logWriter
	title string

	mu    sync.Mutex
	phase string
	live  bool
}

func (d *labScreen) progress(p lab.Progress) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.live {
		bar := strings.Repeat("#", 40*p.Day/max(p.Until, 1))
		d.phase = fmt.Sprintf("[%-40s] day %d of %d, %s", bar, p.Day, p.Until, p.Phase)
	}
}

func (d *labScreen) ready() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.live, d.phase = true, ""
}

func (d *labScreen) run(ctx context.Context) error {
	f, ok := d.a.Out.(*os.File)
	screen := ok && !d.a.json && isTerminal(f)
	every := 2 * time.Second
	if screen {
		every = 500 * time.Millisecond
		d.logs.set(nil)
		_, _ = f.WriteString(screenOpen)
		defer func() {
			_, _ = f.WriteString(screenClose)
			d.logs.set(d.a.Err)
		}()
	}
	began := time.Now()
	for pause(ctx, every) == nil {
		lines, line, status := d.look(ctx, began)
		var err error
		switch {
		case ctx.Err() != nil:
			return nil
		case screen:
			err = paint(f, lines)
		case d.a.json && status != nil:
			err = d.a.printJSON(status)
		case !d.a.json:
			_, err = fmt.Fprintln(d.a.Out, line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *labScreen) look(ctx context.Context, began time.Time) (lines []string, line string, s *lab.Status) {
	d.mu.Lock()
	phase := d.phase
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	head := fmt.Sprintf("%s   %s", d.title, time.Since(began).Round(time.Second))
	s, err := d.l.Status(ctx)
	if err != nil {
		line = "waiting for the database: " + err.Error()
		return []string{head, "", line}, line, nil
	}
	lines = append(append([]string{head, phase}, s.Lines()...), "", "Ctrl-C ends it. In another terminal: howdah lab status", clip(d.logs.lastLine(), 200))
	lag := int64(0)
	for _, p := range s.Pipelines {
		lag = max(lag, p.Lag)
	}
	line = fmt.Sprintf("%4s  day %d %s  greatest lag %d", time.Since(began).Round(time.Second), s.Day, s.Now.Format("15:04"), lag)
	if len(s.Models) > 0 && s.Models[0].Provisional != nil && s.Models[0].Provisional.AUC != nil {
		line += fmt.Sprintf("  champion %d, AUC %.3f", s.Models[0].Version, *s.Models[0].Provisional.AUC)
	}
	return lines, line + fmt.Sprintf("  alerts %d  %s", len(s.Alerts), phase), s
}

// summary says what the lab is like at the end, and proves the log's invariants.
func (d *labScreen) summary(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	problems, err := d.l.DB().Check(ctx)
	if err != nil {
		return err
	}
	s, err := d.l.Status(ctx)
	if err != nil {
		return err
	}
	if d.a.json {
		err = d.a.printJSON(map[string]any{"status": s, "problems": problems})
	} else {
		_, err = fmt.Fprintf(d.a.Out, "\n%s\ncheck: %d problems\n", strings.Join(s.Lines(), "\n"), len(problems))
	}
	if err == nil && len(problems) > 0 {
		return errSilent
	}
	return err
}
