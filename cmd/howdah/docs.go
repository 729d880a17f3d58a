package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
)

func (a *app) docsCommand() *cobra.Command {
	return group("docs", "Collections of documents: create, put, get, find, load and look into their history",
		a.docsListCommand(), a.docsCreateCommand(), a.docsDropCommand(), a.docsIndexCommand(), a.docsChangesCommand(),
		a.docsPutCommand(), a.docsPatchCommand(), a.docsRemoveCommand(), a.docsLoadCommand(),
		a.docsGetCommand(), a.docsHistoryCommand(), a.docsScanCommand(), a.docsFindCommand())
}

func (a *app) docsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List collections with their documents and bytes",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.show(cmd.Context(), "no collections yet; create one with `howdah docs create NAME`",
				[]string{"collection", "documents", "versions", "bytes", "history_bytes", "changes", "indexed", "known_at"},
				"select * from howdah.collections order by collection")
		},
	}
}

func (a *app) docsCreateCommand() *cobra.Command {
	var changes string
	var given bool
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create a collection: table docs.NAME, with the history of every document",
		Example: "  howdah docs create customers --changes customers.changes",
		Args:    exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			known := "clock"
			if given {
				known = "given"
			}
			return a.do(cmd.Context(), fmt.Sprintf("collection %s is ready: table docs.%s, or `howdah docs put %s KEY`", args[0], quoteIdent(args[0]), args[0]),
				"select howdah.create_collection($1::text, $2::text, $3::text)", args[0], orNull(changes), known)
		},
	}
	cmd.Flags().StringVar(&changes, "changes", "", "publish every change to this `topic`, in the same transaction")
	cmd.Flags().BoolVar(&given, "given-times", false, "writes may state when a version became known (its source has a clock of its own)")
	return cmd
}

func (a *app) docsDropCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "drop NAME --yes",
		Short: "Drop a collection with its documents and their history",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return usageError{fmt.Errorf("this deletes table docs.%s with all documents and their history: say --yes if that is meant", quoteIdent(args[0]))}
			}
			return a.do(cmd.Context(), "collection "+args[0]+" dropped: its documents and their history are deleted",
				"select howdah.drop_collection($1::text)", args[0])
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "yes, delete documents and history")
	return cmd
}

func (a *app) docsIndexCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "index NAME",
		Short: "Make the index that `howdah docs find` uses, while changes go on",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer db.Close()
			if err := db.Collection(args[0]).CreateIndex(cmd.Context()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "collection %s has an index for find\n", args[0])
			return err
		},
	}
}

func (a *app) docsChangesCommand() *cobra.Command {
	var off bool
	cmd := &cobra.Command{
		Use:   "changes NAME TOPIC | --off",
		Short: "Publish every change of a collection to a topic from now on, or no more",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 || off == (len(args) == 2) {
				return usageError{errors.New("howdah docs changes: give a collection and a topic, or a collection and --off")}
			}
			if off {
				return a.do(cmd.Context(), "changes of "+args[0]+" are not published any more", "select howdah.publish_changes($1::text, null)", args[0])
			}
			return a.do(cmd.Context(), fmt.Sprintf("changes of %s are events of topic %s", args[0], args[1]),
				"select howdah.publish_changes($1::text, $2::text)", args[0], args[1])
		},
	}
	cmd.Flags().BoolVar(&off, "off", false, "end it; the topic stays")
	return cmd
}

// collection opens the database and gives one collection to f.
func (a *app) collection(cmd *cobra.Command, name string, f func(*howdah.Collection) error) error {
	db, err := a.open(cmd.Context())
	if err != nil {
		return err
	}
	defer db.Close()
	return f(db.Collection(name))
}

// docsWhen are the flags that say of what time documents are read.
type docsWhen struct{ asOf, validAt, knownBy string }

func (w *docsWhen) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.asOf, "as-of", "", "what was known at this `time` of what was true at that time (or how long ago, such as 15m)")
	cmd.Flags().StringVar(&w.validAt, "valid-at", "", "what is known now of what was true at this `time`")
	cmd.Flags().StringVar(&w.knownBy, "known-by", "", "with --valid-at: what was known at this `time` instead of now")
}

func (w *docsWhen) options() (options []howdah.GetOption, err error) {
	for _, x := range []struct {
		flag, text string
		option     func(time.Time) howdah.GetOption
	}{{"--as-of", w.asOf, howdah.AsOf}, {"--valid-at", w.validAt, howdah.ValidAt}, {"--known-by", w.knownBy, howdah.KnownBy}} {
		t, err := pointInTime(x.flag, x.text)
		if err != nil {
			return nil, err
		}
		options = append(options, x.option(t))
	}
	return options, nil
}

func (a *app) docsGetCommand() *cobra.Command {
	var when docsWhen
	cmd := &cobra.Command{
		Use:     "get NAME KEY…",
		Short:   "Print documents; with --json with their versions and times",
		Example: "  howdah docs get customers c42\n  howdah docs get customers c42 --as-of 2026-01-31T12:00:00Z --json",
		Args:    atLeast("NAME", "KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := when.options()
			if err != nil {
				return err
			}
			return a.collection(cmd, args[0], func(c *howdah.Collection) error {
				if len(args) == 2 {
					d, err := c.Get(cmd.Context(), args[1], options...)
					if err != nil {
						return err
					}
					return a.printDocument(d)
				}
				found, err := c.GetMany(cmd.Context(), args[1:], options...)
				if err != nil {
					return err
				}
				for _, key := range args[1:] {
					if d, ok := found[key]; ok {
						if err := a.printDocument(d); err != nil {
							return err
						}
					}
				}
				return nil
			})
		},
	}
	when.flags(cmd)
	return cmd
}

func (a *app) printDocument(d howdah.Document) error {
	if a.json {
		return a.printJSON(d)
	}
	_, err := fmt.Fprintf(a.Out, "%s\n", d.Doc)
	return err
}

func (a *app) docsHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "history NAME KEY",
		Short: "Print every version of a document, the one known last first",
		Args:  exactly("NAME", "KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.show(cmd.Context(), "no document "+args[1]+" has ever been in "+args[0], []string{"version", "valid_from", "known_at", "expires_at", "doc"},
				"select * from howdah.history($1::text, $2::text)", args[0], args[1])
		},
	}
}

func (a *app) docsScanCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "scan NAME [PREFIX]",
		Short: "Print the documents whose keys start with a prefix, in the order of their keys",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				args = append(args, "")
			}
			if err := exactly("NAME", "PREFIX")(cmd, args); err != nil {
				return err
			}
			return a.collection(cmd, args[0], func(c *howdah.Collection) error {
				return a.printDocuments(c.Scan(cmd.Context(), args[1]), limit)
			})
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most this many (default: all)")
	return cmd
}

func (a *app) docsFindCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "find NAME JSON",
		Short:   "Print the documents that contain a value; `howdah docs index` makes it fast",
		Example: `  howdah docs find customers '{"city": "Milwaukee"}'`,
		Args:    exactly("NAME", "JSON"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !json.Valid([]byte(args[1])) {
				return usageError{invalidJSON([]byte(args[1]))}
			}
			return a.collection(cmd, args[0], func(c *howdah.Collection) error {
				return a.printDocuments(c.Find(cmd.Context(), json.RawMessage(args[1])), limit)
			})
		},
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most this many (default: all)")
	return cmd
}

// printDocuments prints as they come, one a line: key, then document.
func (a *app) printDocuments(all iter.Seq2[howdah.Document, error], limit int) error {
	n := 0
	for d, err := range all {
		if err != nil {
			return err
		}
		if a.json {
			err = a.printJSON(d)
		} else {
			_, err = fmt.Fprintf(a.Out, "%s\t%s\n", clip(d.Key, 1024), d.Doc)
		}
		if n++; err != nil || n == limit {
			return err
		}
	}
	return nil
}

// argument is an argument, or all of stdin for - or nothing.
func (a *app) argument(args []string, i int) ([]byte, error) {
	if len(args) > i && args[i] != "-" {
		return []byte(args[i]), nil
	}
	return io.ReadAll(a.In)
}
