package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func (a *app) topicCommand() *cobra.Command {
	return group("topic", "List, create, adopt, alter and drop topics",
		a.topicListCommand(), a.topicCreateCommand(), a.topicAdoptCommand(), a.topicAlterCommand(), a.topicDropCommand())
}

const topicsSQL = `select topic, partitions, events, first_id, last_id, stable_id, coalesce(bytes, 0)::bigint as bytes,
	extract(epoch from retention)::float8 as retention_seconds, max_bytes, format, adopted, source, consumers, created_at
	from howdah.topics order by topic`

var topicColumns = []string{"topic", "events", "first_id", "last_id", "bytes", "partitions", "retention_seconds", "format", "consumers", "source"}

func (a *app) topicListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List topics with their events and bytes",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.show(cmd.Context(), "no topics yet; create one with `howdah topic create NAME`", topicColumns, topicsSQL)
		},
	}
}

func (a *app) topicCreateCommand() *cobra.Command {
	var partitions int
	var retention, format string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a topic: table events.NAME",
		Example: "  howdah topic create payments\n" +
			"  howdah topic create clicks --partitions 8 --retention 7d",
		Args: exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := hasUnit(retention); err != nil {
				return err
			}
			return a.do(cmd.Context(), fmt.Sprintf("topic %s is ready: insert into events.%s, or `howdah publish %s`", args[0], quoteIdent(args[0]), args[0]),
				"select howdah.create_topic($1::text, $2::int, $3::text::interval, $4::text)", args[0], partitions, orNull(retention), format)
		},
	}
	cmd.Flags().IntVar(&partitions, "partitions", 1, "split by key, for ordered consumers that work in parallel")
	cmd.Flags().StringVar(&retention, "retention", "", "let events go at this `age`, such as 7d, when no consumer needs them (default: keep for ever)")
	cmd.Flags().StringVar(&format, "format", "json", "json or bytes")
	return cmd
}

func (a *app) topicAlterCommand() *cobra.Command {
	var retention, idle string
	var maxBytes int64
	cmd := &cobra.Command{
		Use:   "alter NAME",
		Short: "Change retention, hard limit or idle timeout of a topic",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var limit any
			if cmd.Flags().Changed("max-bytes") {
				limit = maxBytes
			}
			if retention == "" && idle == "" && limit == nil {
				return usageError{errors.New("nothing to alter: give --retention, --max-bytes or --idle-timeout")}
			}
			if err := hasUnit(retention, idle); err != nil {
				return err
			}
			return a.do(cmd.Context(), "topic "+args[0]+" altered",
				"select howdah.alter_topic($1::text, $2::text::interval, $3::bigint, $4::text::interval)", args[0], orNull(retention), limit, orNull(idle))
		},
	}
	cmd.Flags().StringVar(&retention, "retention", "", "let events go at this `age`, such as 7d")
	cmd.Flags().Int64Var(&maxBytes, "max-bytes", 0, "hard limit in `bytes`: above it a consumer that stands still loses its place")
	cmd.Flags().StringVar(&idle, "idle-timeout", "", "end producers that sit idle in a transaction for this `time`, such as 5min")
	return cmd
}

// hasUnit refuses a length of time that is a number alone: PostgreSQL would read seconds, and a retention of 1 may mean a day.
func hasUnit(lengths ...string) error {
	for _, s := range lengths {
		if s != "" && strings.Trim(s, "0123456789. ") == "" {
			return usageError{fmt.Errorf("%q has no unit: write it like 7d, 36h or 5min", s)}
		}
	}
	return nil
}

func (a *app) topicDropCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "drop NAME --yes",
		Short: "Drop a topic and its events; an adopted table stays",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withConn(ctx, func(conn *pgx.Conn) error {
				var adopted bool
				var source string
				if err := conn.QueryRow(ctx, "select adopted, source from howdah.describe_topic($1::text)", args[0]).Scan(&adopted, &source); err != nil {
					return err
				}
				if !yes && !adopted {
					return usageError{fmt.Errorf("this deletes table %s with all its events: say --yes if that is meant", source)}
				}
				if _, err := conn.Exec(ctx, "select howdah.drop_topic($1::text)", args[0]); err != nil {
					return err
				}
				what := "its events are deleted"
				if adopted {
					what = "table " + source + " stays as it is"
				}
				_, err := fmt.Fprintf(a.Out, "topic %s dropped: %s\n", args[0], what)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "yes, delete the events")
	return cmd
}

func quoteIdent(name string) string {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return pgx.Identifier{name}.Sanitize()
		}
	}
	return name
}
