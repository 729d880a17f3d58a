package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah/internal/schema"
)

func (a *app) migrateCommand() *cobra.Command {
	var print bool
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
			report, err := schema.Migrate(ctx, conn)
			if err != nil {
				return fmt.Errorf("migrate: %w", err)
			}
			if a.json {
				return a.printJSON(struct {
					Database  string `json:"database"`
					From      int    `json:"from"`
					To        int    `json:"to"`
					Installed bool   `json:"installed"`
				}{conn.Config().Database, report.From, report.To, report.Installed})
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
			_, err = fmt.Fprintf(a.Out, "database %s: schema version %d, %s\n", conn.Config().Database, report.To, what)
			return err
		},
	}
	cmd.Flags().BoolVar(&print, "print", false, "print the SQL instead of running it; needs no database")
	return cmd
}
