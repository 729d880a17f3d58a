package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/bench"
)

func (a *app) benchCommand() *cobra.Command {
	var o bench.Options
	names, about := bench.Names()
	var list strings.Builder
	for i, n := range names {
		_, _ = fmt.Fprintf(&list, "  %-9s %s\n", n, about[i])
	}
	cmd := &cobra.Command{
		Use:   "bench [MEASUREMENT…]",
		Short: "Measure Howdah against a status table per consumer, on this machine",
		Long: `Measure Howdah against a status table per consumer, and against plain tables.

All designs do the same work in turn in a database of its own, named howdah_bench_…,
that is made and dropped again; the user needs the right to create one. Only ratios
can be compared between runs. Without --db it runs on the private PostgreSQL, which is
started if need be. The measurements are:

` + strings.TrimRight(list.String(), "\n"),
		Example:   "  howdah bench --quick\n  howdah bench append consume --rounds 9 --round 5s --json",
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, arg := range args {
				if !slices.Contains(names, arg) {
					return usageError{fmt.Errorf("unknown measurement %q; there are: %s", arg, strings.Join(names, ", "))}
				}
			}
			if o.Round < 0 || o.Rounds < 0 || o.Rows < 0 || o.Hold < 0 {
				return usageError{errors.New("--round, --rounds, --rows and --hold cannot be negative")}
			}
			return a.bench(cmd.Context(), args, o)
		},
	}
	cmd.Flags().BoolVar(&o.Quick, "quick", false, "short rounds and few rows: shows that it works, not how fast it is")
	cmd.Flags().DurationVar(&o.Round, "round", 0, "length of one round of one design (default 3s)")
	cmd.Flags().IntVar(&o.Rounds, "rounds", 0, "number of rounds; the median counts (default 5)")
	cmd.Flags().IntVar(&o.Rows, "rows", 0, "old events to consume (default 1000000)")
	cmd.Flags().DurationVar(&o.Hold, "hold", 0, "how long the snapshot is held (default 1m)")
	return cmd
}

func (a *app) bench(ctx context.Context, only []string, o bench.Options) error {
	o.Only = only
	o.Started = func(name string) { _, _ = fmt.Fprintf(a.Err, "measuring %s\n", name) }
	url, err := a.databaseURL()
	if noServer := (hinted{}); errors.As(err, &noServer) { // nothing was named and nothing runs: start one
		local, startErr := howdah.OpenLocal(ctx, a.dataDir())
		if startErr != nil {
			return startErr
		}
		defer local.Close()
		info, _ := local.Local()
		url, err = info.URL, nil
	}
	if err != nil {
		return err
	}
	report, err := bench.Run(ctx, url, o)
	if report != nil && len(report.Lines) > 0 {
		if a.json {
			return errors.Join(err, a.printJSON(report))
		}
		return errors.Join(err, report.Table(a.Out))
	}
	return err
}
