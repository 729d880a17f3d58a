package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Create, list and revoke access keys of the S3 API",
		a.keyCreateCommand(), a.keyListCommand(), a.keyRevokeCommand())
}

func (a *app) keyCreateCommand() *cobra.Command {
	var reads, writes []string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create an access key and print it; its secret is shown only now",
		Long: `Create an access key for S3 clients and print it; its secret is shown only now.

Without --read and --write it may do everything, creating buckets too.`,
		Example: "  howdah key create training\n  howdah key create dashboard --read models,reports --write uploads --json",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			s, err := db.CreateAccessKey(cmd.Context(), args[0], rights(reads, writes))
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(s)
			}
			_, err = fmt.Fprintf(a.Out, "access_key  %s\nsecret_key  %s\n", s.AccessKey, s.SecretKey)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&reads, "read", nil, "only these `buckets`, to read")
	cmd.Flags().StringSliceVar(&writes, "write", nil, "only these `buckets`, to read and write")
	return cmd
}

// rights of a key: nil is everything.
func rights(reads, writes []string) map[string]string {
	if reads == nil && writes == nil {
		return nil
	}
	buckets := map[string]string{}
	for _, b := range reads {
		buckets[b] = "read"
	}
	for _, b := range writes {
		buckets[b] = "write"
	}
	return buckets
}

func (a *app) keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List access keys and what they may do",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.show(cmd.Context(), "no access keys yet; create one with `howdah key create NAME`",
				[]string{"name", "access_key", "buckets", "created_at", "revoked_at"},
				"select name, access_key, coalesce(buckets::text, 'all') as buckets, created_at, revoked_at from howdah.list_access_keys()")
		},
	}
}

func (a *app) keyRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "End an access key, by its name or by the key itself",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(args[0]) == "" {
				return usageError{errors.New("the name of the key is empty")}
			}
			return a.do(cmd.Context(), "access key "+args[0]+" is revoked; servers know within two seconds", "select howdah.revoke_access_key($1::text)", args[0])
		},
	}
}
