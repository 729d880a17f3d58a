package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) checkCommand() *cobra.Command {
	var structure bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Prove that every event of every consumer is in exactly one place, and every object whole",
		Long: `Prove that every event of every consumer is in exactly one place: done, open, pending,
dead, or not yet handed out; that the histories of documents are in order; and that the
bytes of every object are as many, and have the checksums, as when they were stored.
Exit code 1 when it is not so.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			problems, err := db.Check(cmd.Context())
			if err != nil {
				return err
			}
			if !structure {
				bar := newProgress(a, false, []source{{size: -1}})
				rotten, err := db.CheckObjects(cmd.Context(), bar.read)
				bar.finish()
				if err != nil {
					return err
				}
				problems = append(problems, rotten...)
			}
			var all []record
			for _, p := range problems {
				all = append(all, record{names: []string{"topic", "consumer", "problem"}, values: []any{p.Topic, p.Consumer, p.Problem}})
			}
			if err := a.list(all, "all is well", "topic", "consumer", "problem"); err != nil {
				return err
			}
			if len(problems) > 0 {
				_, _ = fmt.Fprintf(a.Err, "error: %d problems\n", len(problems))
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&structure, "structure", false, "do not read the bytes of objects")
	return cmd
}
