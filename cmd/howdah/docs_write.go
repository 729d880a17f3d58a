package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
)

// docsTerms are the flags that state the terms of a write.
type docsTerms struct {
	validFrom, expiresAt, knownAt string
	ifVersion                     int64
}

func (t *docsTerms) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.validFrom, "valid-from", "", "since this `time` (default: from now on)")
	cmd.Flags().StringVar(&t.knownAt, "known-at", "", "known at this `time`, in a collection made with --given-times")
	cmd.Flags().Int64Var(&t.ifVersion, "if-version", 0, "only if the document has this `version` now; 0: only if there is none")
}

func (t *docsTerms) options(cmd *cobra.Command) (options []howdah.PutOption, err error) {
	for _, x := range []struct {
		flag, text string
		option     func(time.Time) howdah.PutOption
	}{{"--valid-from", t.validFrom, howdah.ValidFrom}, {"--expires-at", t.expiresAt, howdah.ExpiresAt}, {"--known-at", t.knownAt, howdah.KnownAt}} {
		at, err := pointInTime(x.flag, x.text)
		if err != nil {
			return nil, err
		}
		options = append(options, x.option(at))
	}
	if cmd.Flags().Changed("if-version") {
		options = append(options, howdah.IfVersion(t.ifVersion))
	}
	return options, nil
}

// written is what a write did.
type written struct {
	Collection string `json:"collection"`
	Key        string `json:"key"`
	Version    int64  `json:"version,omitempty"`
	Deleted    *bool  `json:"deleted,omitempty"`
}

func (a *app) printWritten(w written, text string) error {
	if a.json {
		return a.printJSON(w)
	}
	_, err := fmt.Fprintln(a.Out, text)
	return err
}

func (a *app) docsPutCommand() *cobra.Command {
	var terms docsTerms
	cmd := &cobra.Command{
		Use:     "put NAME KEY [JSON]",
		Short:   "Store a document under its key; without JSON, or with -, it is read from stdin",
		Example: `  howdah docs put customers c42 '{"city": "Milwaukee"}'` + "\n  howdah docs put customers c42 --if-version 3 < c42.json",
		Args:    atLeast("NAME", "KEY"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.docsPut(cmd, args, &terms, false) },
	}
	terms.flags(cmd)
	cmd.Flags().StringVar(&terms.expiresAt, "expires-at", "", "it ceases to be true at this `time`")
	return cmd
}

func (a *app) docsPatchCommand() *cobra.Command {
	var terms docsTerms
	cmd := &cobra.Command{
		Use:     "patch NAME KEY [JSON]",
		Short:   "Merge a patch (RFC 7396) into a document: members replace, null removes, objects merge",
		Example: `  howdah docs patch customers c42 '{"city": "Chicago", "zip": null}'`,
		Args:    atLeast("NAME", "KEY"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.docsPut(cmd, args, &terms, true) },
	}
	terms.flags(cmd)
	return cmd
}

func (a *app) docsPut(cmd *cobra.Command, args []string, terms *docsTerms, patch bool) error {
	if len(args) > 3 {
		return usageError{fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[3])}
	}
	options, err := terms.options(cmd)
	if err != nil {
		return err
	}
	body, err := a.argument(args, 2)
	if err != nil {
		return err
	}
	if !json.Valid(body) {
		return usageError{invalidJSON(body)}
	}
	return a.collection(cmd, args[0], func(c *howdah.Collection) error {
		write := c.Put
		if patch {
			write = c.Patch
		}
		version, err := write(cmd.Context(), args[1], json.RawMessage(body), options...)
		if err != nil {
			return err
		}
		return a.printWritten(written{Collection: args[0], Key: args[1], Version: version}, fmt.Sprintf("%s is version %d", args[1], version))
	})
}

func (a *app) docsRemoveCommand() *cobra.Command {
	var terms docsTerms
	cmd := &cobra.Command{
		Use:     "rm NAME KEY",
		Aliases: []string{"delete"},
		Short:   "Delete a document; its history stays",
		Args:    exactly("NAME", "KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := terms.options(cmd)
			if err != nil {
				return err
			}
			return a.collection(cmd, args[0], func(c *howdah.Collection) error {
				done, err := c.Delete(cmd.Context(), args[1], options...)
				if err != nil {
					return err
				}
				text := args[1] + " is deleted"
				if !done {
					text = "there is no " + args[1]
				}
				return a.printWritten(written{Collection: args[0], Key: args[1], Deleted: &done}, text)
			})
		},
	}
	terms.flags(cmd)
	return cmd
}
