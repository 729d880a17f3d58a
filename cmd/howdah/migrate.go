package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/howdah/howdah/internal/schema"
)

func (a *app) migrateCommand() *cobra.Command {
	var print, dry bool
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Install Howdah's schema in a database, or upgrade it in place",
		Long: `Install Howdah's schema in a database, or upgrade it in place.

It needs CREATE on the database and no superuser. Running it again is harmless, and
several may run at once.`,
		Example: "  howdah migrate --db postgres://app@db.example.org/app\n  howdah migrate --print | psql postgres://…",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if print {
				return schema.Print(a.Out)
			}
			ctx := cmd.Context()
			conn, err := a.connect(ctx)
			if err != nil {
				return err
			}
			defer closeConn(ctx, conn)
			run := schema.Migrate
			if dry {
				run = func(ctx context.Context, conn *pgx.Conn) (schema.Report, error) { return schema.Plan(ctx, conn) }
			}
			report, err := run(ctx, conn)
			if err != nil {
				return fmt.Errorf("migrate: %w", err)
			}
			if a.json {
				return a.printJSON(struct {
					Database  string `json:"database"`
					From      int    `json:"from"`
					To        int    `json:"to"`
					Installed bool   `json:"installed"`
					DryRun    bool   `json:"dry_run"`
				}{conn.Config().Database, report.From, report.To, report.Installed, dry})
			}
			what := "is current"
			switch {
			case report.From == 0:
				what = "installed"
			case report.From < report.To:
				what = fmt.Sprintf("upgraded from version %d", report.From)
			case report.Installed:
				what = "functions and views renewed"
			}
			if dry && report.From > report.To {
				what = fmt.Sprintf("is at version %d, which is newer", report.From)
			} else if dry && report.Installed {
				what = "to be " + what + " (nothing has changed yet)"
			}
			_, err = fmt.Fprintf(a.Out, "database %s: schema version %d, %s\n", conn.Config().Database, report.To, what)
			return err
		},
	}
	cmd.Flags().BoolVar(&print, "print", false, "print the SQL instead of running it; needs no database")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and change nothing")
	return cmd
}
