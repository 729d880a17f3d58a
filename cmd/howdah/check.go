package main

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Prove that every event of every consumer is in exactly one place",
		Long: `Prove that every event of every consumer is in exactly one place: done, open, pending,
dead, or not yet handed out. Exit code 1 when it is not so.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.withConn(ctx, func(conn *pgx.Conn) error {
				rows, err := conn.Query(ctx, "select topic, consumer, problem from howdah.check()")
				if err != nil {
					return err
				}
				problems, err := collect(rows)
				if err != nil {
					return err
				}
				if err := a.list(problems, "all is well", "topic", "consumer", "problem"); err != nil {
					return err
				}
				if len(problems) > 0 {
					_, _ = fmt.Fprintf(a.Err, "error: %d problems\n", len(problems))
					return errSilent
				}
				return nil
			})
		},
	}
}
