package main

import (
	"context"
	"errors"
	"fmt"

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
				if err := a.ensureIndex(ctx, conn, args[1], id); err != nil {
					return err
				}
				var report string
				err := conn.QueryRow(ctx, "select howdah.adopt_topic($1::text, $2::text::regclass, $3::text, $4::text, $5::text)",
					args[0], args[1], id, payload, orNull(eventTime)).Scan(&report)
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

const indexSQL = `
select c.oid::regclass::text, pg_catalog.format('%I.%I', n.nspname, pg_catalog.left(c.relname, 50) || '_howdah_id'),
       pg_catalog.left(c.relname, 50) || '_howdah_id',
       exists (select from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = $2::text and not a.attisdropped),
       exists (select from pg_catalog.pg_index i
               join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
               join pg_catalog.pg_class x on x.oid = i.indexrelid join pg_catalog.pg_am m on m.oid = x.relam
               where i.indrelid = c.oid and a.attname = $2::text and i.indisvalid and i.indpred is null and m.amname = 'btree')
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = $1::text::regclass and c.relkind = 'r'`

// ensureIndex builds the index that adoption needs, if it is missing. It cannot be part of a function: CREATE INDEX
// CONCURRENTLY refuses to run in a transaction.
func (a *app) ensureIndex(ctx context.Context, conn *pgx.Conn, table, column string) error {
	var source, index, short string
	var hasColumn, indexed bool
	err := conn.QueryRow(ctx, indexSQL, table, column).Scan(&source, &index, &short, &hasColumn, &indexed)
	switch {
	case errors.Is(err, pgx.ErrNoRows), err == nil && (indexed || !hasColumn):
		return nil // whatever is wrong with it, adoption says it better
	case err != nil:
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
	_, err = conn.Exec(ctx, fmt.Sprintf("create unique index concurrently %s on %s (%s)", pgx.Identifier{short}.Sanitize(), source, pgx.Identifier{column}.Sanitize()))
	if err == nil {
		return nil
	}
	_, dropErr := conn.Exec(context.WithoutCancel(ctx), "drop index concurrently if exists "+index)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		err = hinted{fmt.Errorf("build index: %w", err), fmt.Sprintf("ids of a topic are unique: remove the duplicates in %s first", source)}
	} else {
		err = fmt.Errorf("build index: %w", err)
	}
	return errors.Join(err, dropErr)
}
