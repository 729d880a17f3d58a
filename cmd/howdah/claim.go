package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func (a *app) claimCommand() *cobra.Command {
	var n int
	var lease, from, until string
	var newest bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "claim CONSUMER",
		Short: "Take the next events of a consumer, for scripts; settle them with ack or nack",
		Long: `Take the next events of a consumer and print them as JSON, one event a line. All of one
claim carry the same claim_id. Nothing is printed when there is nothing to do now.`,
		Example: "  howdah claim billing -n 10 --wait 30s\n  howdah ack 1234567890123",
		Args:    exactly("CONSUMER"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return usageError{fmt.Errorf("--wait is %v, not positive", wait)}
			}
			ctx := cmd.Context()
			return a.withConn(ctx, func(conn *pgx.Conn) error {
				deadline := time.Now().Add(wait)
				for {
					rows, err := conn.Query(ctx, "select * from howdah.claim($1::text, $2::int, $3::text::interval, $4::text::timestamptz, $5::text::timestamptz, $6::boolean)",
						args[0], n, orNull(lease), orNull(from), orNull(until), newest)
					if err != nil {
						return err
					}
					events, err := collect(rows)
					if err != nil {
						return err
					}
					for _, e := range events {
						if err := a.printJSON(e); err != nil {
							return err
						}
					}
					left := time.Until(deadline)
					if len(events) > 0 || left <= 0 {
						return nil
					}
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(min(left, 200*time.Millisecond)):
					}
				}
			})
		},
		PreRunE: func(*cobra.Command, []string) error {
			return errors.Join(zoned("--from", from), zoned("--until", until))
		},
	}
	cmd.Flags().IntVarP(&n, "batch", "n", 100, "at most this many events")
	cmd.Flags().StringVar(&lease, "lease", "", "how `long` they are yours (default: the consumer's)")
	cmd.Flags().StringVar(&from, "from", "", "only events received at this `time` or later, such as 2026-01-31T12:00:00Z")
	cmd.Flags().StringVar(&until, "until", "", "only events received before this `time`")
	cmd.Flags().BoolVar(&newest, "newest-first", false, "take the newest events first")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this `long` for events when there are none")
	return cmd
}

// zoned refuses a time without a zone: it would mean another instant on every machine.
func zoned(flag, value string) error {
	if value == "" {
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00", "2006-01-02T15:04Z07:00"} {
		if _, err := time.Parse(layout, value); err == nil {
			return nil
		}
	}
	return usageError{fmt.Errorf("%s %q is not a time with its zone: write it like 2026-01-31T12:00:00Z", flag, value)}
}

func (a *app) ackCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ack CLAIM_ID [ID…]",
		Short: "Say that the events of a claim, all or those named, are done",
		Args:  atLeast("CLAIM_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return a.doCount(cmd.Context(), "event", "acked", "select howdah.ack($1::bigint, $2::bigint[])", ids[0], rest(ids))
		},
	}
}

func (a *app) nackCommand() *cobra.Command {
	var reason, retry string
	cmd := &cobra.Command{
		Use:     "nack CLAIM_ID [ID…]",
		Short:   "Say that events of a claim failed: they come again, or become dead letters",
		Example: "  howdah nack 1234567890123 17 --error 'no such account' --retry-in 1min",
		Args:    atLeast("CLAIM_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return a.doCount(cmd.Context(), "event", "nacked", "select howdah.nack($1::bigint, $2::bigint[], $3::text, $4::text::interval)",
				ids[0], rest(ids), orNull(reason), orNull(retry))
		},
	}
	cmd.Flags().StringVar(&reason, "error", "", "`why` they failed")
	cmd.Flags().StringVar(&retry, "retry-in", "", "deliver them again after this `time` (default: a back-off that doubles)")
	return cmd
}

func (a *app) extendCommand() *cobra.Command {
	var lease string
	cmd := &cobra.Command{
		Use:   "extend CLAIM_ID",
		Short: "Keep a claim for another lease from now",
		Args:  exactly("CLAIM_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return a.withConn(cmd.Context(), func(conn *pgx.Conn) error {
				var until time.Time
				err := conn.QueryRow(cmd.Context(), "select howdah.extend($1::bigint, $2::text::interval)", ids[0], orNull(lease)).Scan(&until)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.Out, "held until %s\n", until.UTC().Format(time.RFC3339))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&lease, "lease", "", "how `long` (default: the consumer's lease)")
	return cmd
}

// rest are the ids after the first; none is nil, SQL's null: all events of the claim.
func rest(ids []int64) []int64 {
	if len(ids) < 2 {
		return nil
	}
	return ids[1:]
}
