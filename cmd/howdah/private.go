package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah/internal/postgres"
)

func (a *app) urlCommand() *cobra.Command {
	var tcp bool
	cmd := &cobra.Command{
		Use:   "url",
		Short: "Print the URL of the database",
		Long: `Print the URL of the database: that of --db or $HOWDAH_DB, or of the private
PostgreSQL that runs on --data.`,
		Example: "  psql \"$(howdah url)\"\n  export DATABASE_URL=$(howdah url --tcp)",
		Args:    exactly(),
		RunE: func(*cobra.Command, []string) error {
			url, err := a.databaseURL()
			if err == nil && tcp {
				var info postgres.Info
				info, err = postgres.Lookup(a.dataDir())
				url = info.TCPURL()
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"url": url})
			}
			_, err = fmt.Fprintln(a.Out, url)
			return err
		},
	}
	cmd.Flags().BoolVar(&tcp, "tcp", false, "over loopback with the password, for clients that cannot use the private PostgreSQL's unix socket")
	return cmd
}

func (a *app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the private PostgreSQL of --data, and what `howdah up` or a demo runs on it",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.db != "" {
				return usageError{errors.New("down stops a private PostgreSQL: name its folder with --data; --db names a server that is not ours to stop")}
			}
			dir := a.dataDir()
			if dir == "" {
				var err error
				if dir, err = postgres.DefaultDataDir(); err != nil {
					return err
				}
			}
			_, lookup := postgres.Lookup(dir)
			running := readState(dir)
			if err := postgres.Shutdown(cmd.Context(), dir); err != nil && !errors.Is(err, postgres.ErrNotRunning) {
				return err
			}
			if err := running.ended(cmd.Context()); err != nil {
				return err
			}
			what := "stopped"
			if errors.Is(lookup, postgres.ErrNotRunning) {
				what = "was not running"
			}
			_, err := fmt.Fprintf(a.Out, "%s: %s\n", dir, what)
			return err
		},
	}
}
