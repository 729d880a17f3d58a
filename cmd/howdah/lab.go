package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/lab"
	"github.com/howdah/howdah/lab/fraud"
	"github.com/howdah/howdah/lab/serve"
	"github.com/howdah/howdah/lab/sim"
)

// labConns is how many connections the lab's pipelines need, with some to spare.
const labConns = 40

func (a *app) labCommand() *cobra.Command {
	return group("lab", "The ML lab: simulate, clean, join, train, evaluate, deploy, monitor",
		a.labRunCommand(), a.labEventsCommand(), a.labStatusCommand(),
		a.labClockCommand("pause", "Stop scenario time", exactly(), func([]string) (lab.ClockChange, error) { return paused(true), nil }),
		a.labClockCommand("resume", "Let scenario time run again", exactly(), func([]string) (lab.ClockChange, error) { return paused(false), nil }),
		a.labClockCommand("speed FACTOR", "Change how fast scenario time runs: 24 (a term), 720 (a lab), 2880 (a demo)", exactly("FACTOR"),
			func(args []string) (lab.ClockChange, error) {
				f, err := strconv.ParseFloat(args[0], 64)
				if err != nil || f <= 0 {
					return lab.ClockChange{}, usageError{fmt.Errorf("the factor is %q; give scenario seconds per second, such as 720", args[0])}
				}
				return lab.ClockChange{Speed: &f}, nil
			}),
		a.labClockCommand("step TIME", "Move scenario time on, such as by 1h, paused or not; what is due till then comes at once", exactly("TIME"),
			func(args []string) (lab.ClockChange, error) {
				d, err := time.ParseDuration(args[0])
				if err != nil || d <= 0 {
					return lab.ClockChange{}, usageError{fmt.Errorf("the time is %q; give scenario time such as 30m or 6h", args[0])}
				}
				return lab.ClockChange{Step: d}, nil
			}),
		a.labClockCommand("jump DAY", "Move scenario time on to the beginning of a day; what is due till then comes at once", exactly("DAY"),
			func(args []string) (lab.ClockChange, error) {
				day, err := strconv.Atoi(args[0])
				if err != nil || day < 0 {
					return lab.ClockChange{}, usageError{fmt.Errorf("the day is %q; days count from 0", args[0])}
				}
				return lab.ClockChange{Day: &day}, nil
			}),
		a.labInjectCommand(), a.labTrainCommand(), a.labPromoteCommand(), a.labRollbackCommand(), a.labExplainCommand(), a.labResetCommand())
}

// openLab opens the lab that a database plays.
func (a *app) openLab(ctx context.Context, db *howdah.DB, log *slog.Logger) (*lab.Lab, error) {
	stored, err := lab.Stored(ctx, db)
	if err != nil {
		return nil, err
	}
	return newLab(ctx, db, stored.Config, stored.Seed, log)
}

func newLab(ctx context.Context, db *howdah.DB, config string, seed uint64, log *slog.Logger) (*lab.Lab, error) {
	s, err := fraud.New([]byte(config), seed)
	if err != nil {
		return nil, err
	}
	return lab.Open(ctx, lab.Config{DB: db, Scenario: s, Settings: config, Code: version(), Log: log})
}

// servedLab is whatever lab a database has by the time it is asked for.
type servedLab struct {
	db      *howdah.DB
	mu      sync.Mutex
	opened  *lab.Lab
	stored  lab.Settings
	checked time.Time
}

// labRecheck is how long a lab is taken to be the one that it was.
const labRecheck = time.Second

func (s *servedLab) open(ctx context.Context) (*lab.Lab, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil && time.Since(s.checked) < labRecheck {
		return s.opened, nil
	}
	stored, err := lab.Stored(ctx, s.db)
	if err != nil {
		return nil, err
	}
	if s.opened == nil || s.stored != stored {
		l, err := newLab(ctx, s.db, stored.Config, stored.Seed, nil)
		if err != nil {
			return nil, err
		}
		if s.opened != nil {
			s.opened.Close()
		}
		s.opened, s.stored = l, stored
	}
	s.checked = time.Now()
	return s.opened, nil
}

// close ends what the lab holds, before the database is closed.
func (s *servedLab) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened != nil {
		s.opened.Close()
		s.opened = nil
	}
}

// labRoutes are the lab's operations.
func labRoutes(s *servedLab) func(huma.API, func(context.Context, error) error) {
	return func(api huma.API, fail func(context.Context, error) error) { serve.Register(api, s.open, fail) }
}

// withLab runs f on the lab of the database that is named or runs.
func (a *app) withLab(ctx context.Context, f func(*lab.Lab) error) error {
	db, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := a.openLab(ctx, db, nil)
	if err != nil {
		return err
	}
	return f(l)
}

// labConfig reads a scenario file; an empty name is the delivered scenario.
func labConfig(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the scenario file: %w", err)
	}
	return string(text), nil
}

func (a *app) labStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Scenario day, pipelines, models, alerts", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withLab(cmd.Context(), func(l *lab.Lab) error {
				s, err := l.Status(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(s)
				}
				_, err = fmt.Fprintln(a.Out, strings.Join(s.Lines(), "\n"))
				return err
			})
		},
	}
}

func paused(p bool) lab.ClockChange { return lab.ClockChange{Paused: &p} }

func (a *app) labClockCommand(use, short string, args cobra.PositionalArgs, change func([]string) (lab.ClockChange, error)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		x, err := change(args)
		if err != nil {
			return err
		}
		return a.withLab(cmd.Context(), func(l *lab.Lab) error {
			c, err := l.Set(cmd.Context(), x)
			if err != nil {
				return err
			}
			running, err := l.Runners(cmd.Context())
			if err != nil {
				return err
			}
			return a.printClock(l, c, len(running) > 0)
		})
	}}
}

func (a *app) printClock(l *lab.Lab, c sim.Clock, running bool) error {
	now := c.Scenario
	if running {
		now = c.Now(time.Now())
	}
	if a.json {
		return a.printJSON(map[string]any{"scenario_time": now.UTC(), "day": sim.DayOf(l.Info().Epoch, now), "speed": c.Rate, "paused": c.Paused, "running": running})
	}
	state := "running"
	switch {
	case !running:
		state = "from when somebody runs it again (`howdah demo`)"
	case c.Paused:
		state = "paused"
	}
	_, err := fmt.Fprintf(a.Out, "day %d, %s, speed %.0f, %s\n", sim.DayOf(l.Info().Epoch, now), now.UTC().Format("2006-01-02 15:04"), c.Rate, state)
	return err
}

func (a *app) labInjectCommand() *cobra.Command {
	length, share := time.Duration(0), 0.0
	cmd := &cobra.Command{
		Use: "inject FAULT", Short: "Break something for a while",
		Long: "Break something for a while of scenario time, from now on:\n\n  " + strings.Join(lab.Faults(), "\n  "),
		Args: exactly("FAULT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLab(cmd.Context(), func(l *lab.Lab) error {
				if err := l.Inject(cmd.Context(), args[0], length, share); err != nil {
					return err
				}
				return a.say(map[string]any{"fault": args[0], "for": length.String(), "share": share}, "%s for %v of scenario time, share %.2f", args[0], length, share)
			})
		},
	}
	cmd.Flags().DurationVar(&length, "for", 24*time.Hour, "for how much scenario `time`")
	cmd.Flags().Float64Var(&share, "share", 1, "`share` of the events that are hit")
	return cmd
}

// say prints a sentence, or with --json an object.
func (a *app) say(object any, format string, args ...any) error {
	if a.json {
		return a.printJSON(object)
	}
	_, err := fmt.Fprintf(a.Out, format+"\n", args...)
	return err
}

func (a *app) labTrainCommand() *cobra.Command {
	var policy string
	cmd := &cobra.Command{
		Use: "train", Short: "Train now, whatever the triggers say", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withLab(cmd.Context(), func(l *lab.Lab) error {
				outcome, detail, err := l.TrainNow(cmd.Context(), policy)
				if err != nil {
					return err
				}
				text, err := json.Marshal(detail)
				if err != nil {
					return fmt.Errorf("show the training: %w", err)
				}
				return a.say(map[string]any{"outcome": outcome, "detail": detail}, "%s: %s", outcome, text)
			})
		},
	}
	cmd.Flags().StringVar(&policy, "policy", lab.Wait, "label `policy`: wait (rows older than the horizon) or positive-now (positives at once)")
	return cmd
}

func (a *app) labPromoteCommand() *cobra.Command {
	var model, alias, reason string
	var share float64
	cmd := &cobra.Command{
		Use: "promote VERSION", Short: "Let an alias mean a version: champion unless told otherwise; 0 takes it away", Args: exactly("VERSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := strconv.Atoi(args[0])
			if err != nil || version < 0 {
				return usageError{fmt.Errorf("the version is %q; versions count from 1", args[0])}
			}
			return a.withLab(cmd.Context(), func(l *lab.Lab) error {
				var of *float64
				if alias == lab.Canary {
					of = &share
				}
				if err := l.Move(cmd.Context(), model, alias, version, of, "by hand", reason); err != nil {
					return err
				}
				return a.say(map[string]any{"model": model, "alias": alias, "version": version}, "%s of %s is version %d", alias, model, version)
			})
		},
	}
	cmd.Flags().StringVar(&model, "model", "fraud", "`name` of the model")
	cmd.Flags().StringVar(&alias, "alias", lab.Champion, "`alias`: champion, challenger, shadow or canary")
	cmd.Flags().Float64Var(&share, "share", 0.05, "`share` of the entities that a canary acts for")
	cmd.Flags().StringVar(&reason, "reason", "by hand", "why, for the history")
	return cmd
}

func (a *app) labRollbackCommand() *cobra.Command {
	var model, reason string
	cmd := &cobra.Command{
		Use: "rollback", Short: "Give champion back to the version that had it before", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withLab(cmd.Context(), func(l *lab.Lab) error {
				version, err := l.Rollback(cmd.Context(), model, "by hand", reason)
				if err != nil {
					return err
				}
				return a.say(map[string]any{"model": model, "version": version}, "champion of %s is version %d again", model, version)
			})
		},
	}
	cmd.Flags().StringVar(&model, "model", "fraud", "`name` of the model")
	cmd.Flags().StringVar(&reason, "reason", "rollback by hand", "why, for the history")
	return cmd
}

func (a *app) labExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain PREDICTION", Short: "Where a prediction comes from: version, dataset, features, source event, enrichment", Args: exactly("PREDICTION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLab(cmd.Context(), func(l *lab.Lab) error {
				x, err := l.Explain(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(x)
				}
				return a.printExplanation(x)
			})
		},
	}
}

func (a *app) printExplanation(x *lab.Explanation) error {
	var b strings.Builder
	verdict := "no"
	if x.Decision {
		verdict = "yes"
	}
	fmt.Fprintf(&b, "%s version %d (%s, acted: %t) says %s: score %.4f, threshold %.4f\n", x.Model, x.Version, x.Role, x.Acted, verdict, x.Score, x.Threshold)
	fmt.Fprintf(&b, "about    %s\n", x.Fact)
	fmt.Fprintf(&b, "known    %s, it happened %s\n", x.KnownAt.Format(time.RFC3339), x.OccurredAt.Format(time.RFC3339))
	if x.Dataset != nil && x.DatasetSHA256 != nil {
		fmt.Fprintf(&b, "dataset  %d, SHA-256 %s, code %s\n", *x.Dataset, *x.DatasetSHA256, x.CodeVersion)
	}
	fmt.Fprintf(&b, "event    %s %d (%s)\n         %s\n", x.Source.Topic, x.Source.ID, x.Source.EventID, x.Source.Payload)
	for _, e := range x.Enrichment {
		fmt.Fprintf(&b, "profile  %s %s, valid from %s, known %s\n         %s\n", e.Collection, e.Key, e.ValidFrom.UTC().Format(time.RFC3339), e.KnownAt.UTC().Format(time.RFC3339), e.Doc)
	}
	fmt.Fprintf(&b, "features %s: %s\n", x.View, x.Features)
	for i, c := range x.Contributions {
		if i == 10 {
			break
		}
		fmt.Fprintf(&b, "         %+8.3f  %s\n", c.Adds, c.Input)
	}
	if x.Label != nil {
		fmt.Fprintf(&b, "label    %v, as known now\n", *x.Label)
	}
	_, err := fmt.Fprint(a.Out, b.String())
	return err
}

func (a *app) labResetCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "reset --yes", Short: "Remove everything that the lab made in this database", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return usageError{errors.New("this drops the lab's topics, collections, buckets and tables with all they hold; say --yes")}
			}
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			stored, err := lab.Stored(cmd.Context(), db)
			if err != nil {
				return err
			}
			s, err := fraud.New([]byte(stored.Config), stored.Seed)
			if err != nil {
				return err
			}
			if err := lab.Reset(cmd.Context(), db, s); err != nil {
				return err
			}
			return a.say(map[string]any{"reset": true}, "the lab is gone; `howdah demo` begins a new one")
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "really")
	return cmd
}
