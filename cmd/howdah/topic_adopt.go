package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/cobra"
)

func (a *app) topicAdoptCommand() *cobra.Command {
	var id, payload, eventTime string
	cmd := &cobra.Command{
		Use:   "adopt NAME TABLE",
		Short: "Make an existing append-only table a topic, in place",
		Long: `Make an existing append-only table a topic, in place: nothing is copied, and its
producers go on unchanged. A missing index on the id is built first, without locking
writers out.`,
		Example: "  howdah topic adopt orders public.raw_events --payload data --event-time created_at",
		Args:    exactly("NAME", "TABLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withConn(ctx, func(conn *pgx.Conn) error {
				var report string
				adopt := func() error {
					return conn.QueryRow(ctx, "select howdah.adopt_topic($1::text, $2::text::regclass, $3::text, $4::text, $5::text)",
						args[0], args[1], id, payload, orNull(eventTime)).Scan(&report)
				}
				err := adopt()
				if lacksIndex(err) {
					if err = a.buildIndex(ctx, conn, args[1], id); err == nil {
						err = adopt()
					}
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(a.Out, report)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&id, "id", "id", "`column` with the ids, drawn from a sequence")
	cmd.Flags().StringVar(&payload, "payload", "payload", "`column` with the event: json, jsonb or bytea")
	cmd.Flags().StringVar(&eventTime, "event-time", "", "`column` that says when it happened")
	return cmd
}

// lacksIndex is that all is well but for the index: adoption asks for it after the columns and the sequence.
func lacksIndex(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "0A000" && strings.Contains(pg.Message, " has no index on ")
}

const indexSQL = `
select c.oid::regclass::text, pg_catalog.format('%I.%I', n.nspname, pg_catalog.left(c.relname, 50) || '_howdah_id'),
       pg_catalog.left(c.relname, 50) || '_howdah_id'
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = $1::text::regclass`

// buildIndex builds the index that adoption needs. It cannot be part of a function: CREATE INDEX CONCURRENTLY refuses to
// run in a transaction.
func (a *app) buildIndex(ctx context.Context, conn *pgx.Conn, table, column string) error {
	var source, index, short string
	if err := conn.QueryRow(ctx, indexSQL, table).Scan(&source, &index, &short); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(a.Err, "building a unique index on %s (%s); writers go on meanwhile\n", source, column)
	// One that an interrupted attempt left behind is invalid and only in the way.
	var left bool
	if err := conn.QueryRow(ctx, "select pg_catalog.to_regclass($1::text) is not null", index).Scan(&left); err != nil {
		return err
	}
	if left {
		if _, err := conn.Exec(ctx, "drop index concurrently if exists "+index); err != nil {
			return fmt.Errorf("drop unfinished index: %w", err)
		}
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("create unique index concurrently %s on %s (%s)", pgx.Identifier{short}.Sanitize(), source, pgx.Identifier{column}.Sanitize()))
	if err == nil {
		return nil
	}
	_, dropErr := conn.Exec(context.WithoutCancel(ctx), "drop index concurrently if exists "+index)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		err = hinted{fmt.Errorf("build index: %w", err), fmt.Sprintf("ids of a topic are unique: remove the duplicates in column %s of %s first", column, source)}
	} else {
		err = fmt.Errorf("build index: %w", err)
	}
	return errors.Join(err, dropErr)
}
