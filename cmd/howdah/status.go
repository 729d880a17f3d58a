package main

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show topics, consumers and what holds them back",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withConn(cmd.Context(), func(conn *pgx.Conn) error {
				s, err := readStatus(cmd.Context(), conn)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(s)
				}
				return s.print(a.Out)
			})
		},
	}
}

// status is one look at everything.
type status struct {
	Topics    []record `json:"topics"`
	Consumers []record `json:"consumers"`
	Producers []record `json:"open_producers"`
	Claims    []record `json:"open_claims"`
}

func readStatus(ctx context.Context, conn *pgx.Conn) (s status, err error) {
	for _, part := range []struct {
		into *[]record
		sql  string
	}{
		{&s.Topics, topicsSQL},
		{&s.Consumers, consumersSQL},
		{&s.Producers, `select *, extract(epoch from pg_catalog.clock_timestamp() - since)::float8 as open_seconds from howdah.open_producers order by since`},
		{&s.Claims, `select *, extract(epoch from pg_catalog.clock_timestamp() - claimed_at)::float8 as open_seconds from howdah.open_claims order by claimed_at limit 20`},
	} {
		rows, err := conn.Query(ctx, part.sql)
		if err != nil {
			return s, err
		}
		all, err := collect(rows)
		if err != nil {
			return s, err
		}
		*part.into = append([]record{}, all...) // JSON shows [] and not null
	}
	return s, nil
}

func (s status) print(w io.Writer) error {
	if len(s.Topics) == 0 {
		_, err := fmt.Fprintln(w, "no topics yet; create one with `howdah topic create NAME`")
		return err
	}
	if err := table(w, s.Topics, []string{"topic", "events", "last_id", "bytes", "consumers"}); err != nil {
		return err
	}
	for _, part := range []struct {
		title   string
		rows    []record
		columns []string
	}{
		{"", s.Consumers, []string{"consumer", "topic", "lag", "lag_seconds", "in_flight", "pending", "dead", "paused"}},
		{"open claims, the oldest first", s.Claims, []string{"consumer", "claim_id", "events", "first_id", "attempt", "owner", "open_seconds", "lease_until"}},
		{"transactions that hold consumers back", s.Producers, []string{"topic", "pid", "gid", "since", "open_seconds", "low_mark"}},
	} {
		if len(part.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if part.title != "" {
			if _, err := fmt.Fprintln(w, part.title); err != nil {
				return err
			}
		}
		if err := table(w, part.rows, part.columns); err != nil {
			return err
		}
	}
	return nil
}
