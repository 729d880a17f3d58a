package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes of Run.
const (
	exitOK    = 0
	exitError = 1 // it did not work, or check found a problem
	exitUsage = 2 // the command line was wrong; nothing was done
)

// Stdio is what a command reads, writes and is told by its environment.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
	Getenv   func(string) string
}

// app is what all commands share: the persistent flags and where to read and write.
type app struct {
	Stdio
	db   string // --db
	data string // --data
	json bool   // --json
}

// usageError is a mistake on the command line, as opposed to something that went wrong.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errSilent ends a command with exit code 1 when it has already said why.
var errSilent = errors.New("")

// Run is the whole program: it runs one command line and returns its exit code.
func Run(ctx context.Context, args []string, stdio Stdio) int {
	a := &app{Stdio: stdio}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdio.In)
	root.SetOut(stdio.Out)
	root.SetErr(stdio.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	usage := isUsage(err)
	if !errors.Is(err, errSilent) {
		a.printError(err)
		if usage {
			_, _ = fmt.Fprintf(stdio.Err, "hint: %s --help shows how it is used\n", cmd.CommandPath())
		}
	}
	if usage {
		return exitUsage
	}
	return exitError
}

// negative is how a number in the place of an argument fails.
var negative = regexp.MustCompile(`^unknown shorthand flag: '\d' in (-\d+)$`)

var parsing = regexp.MustCompile(`: strconv\.\w+: parsing .*: ([^:]+)$`)

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "howdah",
		Short: "An event log on one PostgreSQL: topics, consumers, retries, dead letters",
		Long: `An event log on one PostgreSQL: topics, consumers, retries, dead letters.

Commands find the database in this order: --db or --data, $HOWDAH_DB, the private
PostgreSQL that runs on $HOWDAH_DATA.`,
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if m := negative.FindStringSubmatch(err.Error()); m != nil {
			return usageError{fmt.Errorf("%s is read as a flag: ids are positive; write -- before an argument that begins with -", m[1])}
		}
		// without the name of the function that did not like it
		return usageError{errors.New(parsing.ReplaceAllString(err.Error(), ": $1"))}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.db, "db", "", "`URL` of the PostgreSQL database (default $HOWDAH_DB)")
	flags.StringVar(&a.data, "data", "", "data `folder` of the private PostgreSQL (default $HOWDAH_DATA, then ~/.local/share/howdah)")
	flags.BoolVar(&a.json, "json", false, "print JSON: an object, or one object a line")
	root.AddCommand(
		a.upCommand(), a.demoCommand(), a.labCommand(),
		a.versionCommand(), a.migrateCommand(), a.doctorCommand(), a.urlCommand(), a.downCommand(), a.psqlCommand(),
		a.topicCommand(), a.consumerCommand(), a.docsCommand(), a.objectsCommand(), a.keyCommand(),
		a.publishCommand(), a.tailCommand(), a.findCommand(), a.eventCommand(), a.claimCommand(), a.ackCommand(), a.nackCommand(), a.extendCommand(),
		a.statusCommand(), a.topCommand(), a.checkCommand(), a.benchCommand(),
	)
	return root
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, SuggestionsMinimumDistance: 2}
	g.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
		}
		return usageError{err}
	}
	g.AddCommand(commands...)
	return g
}

// exactly checks the number of arguments and names those that are missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageError{fmt.Errorf("%s: missing %s", cmd.CommandPath(), strings.Join(names[len(args):], " and "))}
		}
		if len(args) > len(names) {
			return usageError{fmt.Errorf("%s: unexpected argument %q", cmd.CommandPath(), args[len(names)])}
		}
		return nil
	}
}

// atLeast is exactly with any number of further arguments.
func atLeast(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return exactly(names...)(cmd, args[:min(len(args), len(names))])
	}
}

// isUsage also knows the errors that cobra makes itself.
func isUsage(err error) bool {
	var u usageError
	return errors.As(err, &u) || strings.HasPrefix(err.Error(), "unknown command ") || strings.HasPrefix(err.Error(), "required flag(s)")
}
