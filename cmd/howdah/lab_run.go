package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/fraud"
	"github.com/howdah/howdah/lab/sim"
)

func (a *app) labRunCommand() *cobra.Command {
	var seed uint64
	var until int
	var scenario string
	cmd := &cobra.Command{
		Use: "run", Short: "Play a scenario as fast as possible and print a report",
		Long: `Play a scenario as fast as possible, up to a scenario day, and print what came of it:
events, what was set aside and under which rule, datasets, model versions with their
offline and online AUC, drift, alerts, and the comparison with the oracle.

Without --db and --data ($HOWDAH_DB, $HOWDAH_DATA) it uses a private PostgreSQL of its
own that is removed afterwards. With one of them it goes on where the last run in that
database stopped.`,
		Example: "  howdah lab run --seed 42 --until 90 --json > report.json",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if until < 1 {
				return usageError{fmt.Errorf("--until is %d; give a day from 1 on", until)}
			}
			config, err := labConfig(scenario)
			if err != nil {
				return err
			}
			return a.labRun(cmd.Context(), config, seed, until)
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 42, "`number` of the world")
	cmd.Flags().IntVar(&until, "until", 70, "stop when this scenario `day` begins")
	cmd.Flags().StringVar(&scenario, "scenario", "", "scenario `file` with values that differ from the delivered ones")
	return cmd
}

func (a *app) labRun(ctx context.Context, config string, seed uint64, until int) (err error) {
	log := slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	say := func(s string) { _, _ = fmt.Fprintln(a.Err, s) }
	var db *howdah.DB
	if a.db != "" || a.data != "" || a.Getenv("HOWDAH_DB") != "" || a.Getenv("HOWDAH_DATA") != "" {
		db, err = a.openServed(ctx, log, say, howdah.WithMaxConns(labConns))
	} else {
		var dir string
		if dir, err = os.MkdirTemp("", "howdah-lab-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		db, err = howdah.OpenLocal(ctx, dir+"/data", howdah.WithLogger(log), howdah.WithProgress(say), howdah.WithMaxConns(labConns))
	}
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := newLab(ctx, db, config, seed, log)
	if err != nil {
		return err
	}
	began := time.Now()
	bar := newDayBar(a, until)
	if err := l.Run(ctx, lab.RunOptions{Until: until, Fast: true, Progress: bar.show}); err != nil {
		return err
	}
	bar.finish()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r, err := l.Report(ctx)
	if err != nil {
		return err
	}
	r.Took = time.Since(began).Seconds()
	if a.json {
		return a.printJSON(r)
	}
	_, err = fmt.Fprint(a.Out, reportText(r))
	return err
}

func text(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f", *x)
}

// reportText is the report for people.
func reportText(r *lab.Report) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s, seed %d, %d days in %.0f s", r.Scenario, r.Seed, r.Day, r.Took)
	line("\nEVENTS")
	for _, name := range sortedKeys(r.Events) {
		line("  %-28s %10d", name, r.Events[name])
	}
	line("\nCOUNTS%26s %10s", "PIPELINES", "ORACLE")
	for _, o := range r.Oracle {
		verdict := ""
		if !o.Equal {
			verdict = "  DIFFERENT"
		}
		line("  %-28s %10d %10d%s", o.What, o.Got, o.Want, verdict)
	}
	line("\nDATASETS")
	for _, d := range r.Datasets {
		line("  %d  as of %s  %d rows, %d positives  %s", d.Dataset, d.AsOf.UTC().Format(time.DateOnly), d.Rows, d.Positives, d.SHA256)
	}
	line("\nMODELS                 STAGE        OFFLINE AUC    AP   ONLINE AUC  GATE      WHY")
	for _, v := range r.Versions {
		gate := "passed"
		if !v.Gate.Passed {
			gate = "refused"
		}
		line("  %-20s %-12s %11s %5s %12s  %-8s  %s", fmt.Sprintf("%s/%d", v.Model, v.Version), v.Stage, text(v.AUC), text(v.AP), text(v.OnlineAUC), gate, strings.Join(v.Triggers, ", "))
	}
	line("\nALIASES")
	for _, m := range r.Aliases {
		until := "now"
		if m.Until != nil {
			until = m.Until.Format(time.DateOnly)
		}
		line("  %s to %-10s  %-10s version %d  %s", m.From.Format(time.DateOnly), until, m.Alias, m.Version, m.Reason)
	}
	line("\nCHAMPION BY WEEK       LABELS            N    N+  AUC")
	for i, e := range r.Evaluations {
		if e.Role == lab.Champion && (e.AsOf.YearDay()%7 == 0 || i >= len(r.Evaluations)-4) && e.AUC != nil {
			line("  %s %-9s %-12s %6d %5d  %s (%s to %s)", e.AsOf.UTC().Format(time.DateOnly), fmt.Sprintf("%s/%d", e.Model, e.Version), e.Labels, e.N, e.Positives, text(e.AUC), text(e.Low), text(e.High))
		}
	}
	line("\nGREATEST DRIFT                     PSI  NOISE     KS  DAY")
	for i, d := range r.MaxDrift {
		if i < 8 {
			line("  %-28s %7s %6s %6s  %s", d.Feature, text(d.PSI), text(d.NoiseFloor), text(d.KS), d.AsOf.UTC().Format(time.DateOnly))
		}
	}
	line("\nALERTS")
	for _, x := range r.Alerts {
		until := "still firing"
		if x.ResolvedAt != nil {
			until = "until " + x.ResolvedAt.Format("2006-01-02 15:04")
		}
		line("  %s %s %s %s: %s", x.FiredAt.Format("2006-01-02 15:04"), x.Name, x.Subject, until, x.Detail)
	}
	return b.String()
}

func sortedKeys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (a *app) labEventsCommand() *cobra.Command {
	var seed uint64
	var from, until int
	var scenario string
	var oracle bool
	cmd := &cobra.Command{
		Use: "events", Short: "Print a scenario's events without a database, one JSON object a line",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from < 0 || until <= from {
				return usageError{fmt.Errorf("days %d to %d: give --from below --until, from 0 on", from, until)}
			}
			config, err := labConfig(scenario)
			if err != nil {
				return err
			}
			s, err := fraud.New([]byte(config), seed)
			if err != nil {
				return err
			}
			return a.labEvents(cmd.Context(), s.World(), from, until, oracle)
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 42, "`number` of the world")
	cmd.Flags().IntVar(&from, "from", 0, "first scenario `day`")
	cmd.Flags().IntVar(&until, "until", 1, "stop before this scenario `day`")
	cmd.Flags().StringVar(&scenario, "scenario", "", "scenario `file` with values that differ from the delivered ones")
	cmd.Flags().BoolVar(&oracle, "oracle", false, "print the truth about the events instead, for instructors")
	return cmd
}

func (a *app) labEvents(ctx context.Context, w sim.World, from, until int, oracle bool) error {
	var b []byte
	for day := from; day < until && ctx.Err() == nil; day++ {
		b = b[:0]
		if oracle {
			truths, err := w.Oracle(day)
			if err != nil {
				return err
			}
			for i := range truths {
				if b, err = truths[i].AppendJSON(b); err != nil {
					return err
				}
				b = append(b, '\n')
			}
		} else {
			events, err := w.Day(day)
			if err != nil {
				return err
			}
			for i := range events {
				b = append(events[i].AppendEnvelope(b, time.Time{}), '\n')
			}
		}
		if _, err := a.Out.Write(b); err != nil {
			return err
		}
	}
	return ctx.Err()
}
