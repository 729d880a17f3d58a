package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

func (a *app) consumerCommand() *cobra.Command {
	return group("consumer", "List, create, move, pause and drop consumers; see and redrive dead letters",
		a.consumerListCommand(), a.consumerCreateCommand(), a.consumerDropCommand(),
		a.consumerClaimsCommand(), a.consumerPendingCommand(), a.consumerDeadCommand(),
		a.consumerSeekCommand(), a.consumerReplayCommand(), a.consumerRedriveCommand(),
		a.consumerPauseCommand("pause", "Stop handing out events; what is open may still be acked", true),
		a.consumerPauseCommand("resume", "Hand out events again after a pause", false))
}

const consumersSQL = `select consumer, topic, lag, lag_seconds, waiting, in_flight, pending, dead, head, open_claims, ordered, paused,
	extract(epoch from lease)::float8 as lease_seconds, max_attempts, start, created_at from howdah.consumers order by consumer`

var consumerColumns = []string{"consumer", "topic", "lag", "lag_seconds", "waiting", "in_flight", "pending", "dead", "head", "ordered", "paused"}

func (a *app) consumerListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List consumers and how far behind they are",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.show(cmd.Context(), "no consumers yet; create one with `howdah consumer create NAME TOPIC`", consumerColumns, consumersSQL)
		},
	}
}

func (a *app) consumerCreateCommand() *cobra.Command {
	var start, lease string
	var maxAttempts int
	var ordered bool
	cmd := &cobra.Command{
		Use:     "create NAME TOPIC",
		Short:   "Create a consumer of a topic",
		Example: "  howdah consumer create billing payments\n  howdah consumer create audit payments --start 2026-01-31T00:00:00Z",
		Args:    exactly("NAME", "TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.do(cmd.Context(), fmt.Sprintf("consumer %s reads topic %s", args[0], args[1]),
				"select howdah.create_consumer($1::text, $2::text, $3::text, $4::text::interval, $5::int, $6::boolean)",
				args[0], args[1], start, lease, maxAttempts, ordered)
		},
	}
	cmd.Flags().StringVar(&start, "start", "earliest", "`where` to begin: earliest, latest, an id, or a time with its zone")
	cmd.Flags().StringVar(&lease, "lease", "30s", "how `long` a worker may be silent before its events are delivered again")
	cmd.Flags().IntVar(&maxAttempts, "max-attempts", 5, "failures after which an event becomes a dead letter")
	cmd.Flags().BoolVar(&ordered, "ordered", false, "handle the events of each partition strictly one claim after another")
	return cmd
}

func (a *app) consumerDropCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drop NAME",
		Short: "Forget a consumer and its position; the events stay",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.do(cmd.Context(), "consumer "+args[0]+" dropped", "select howdah.drop_consumer($1::text)", args[0])
		},
	}
}

func (a *app) consumerSeekCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "seek NAME TARGET",
		Short: "Move a consumer to earliest, latest, an id, or a time with its zone",
		Long: `Move a consumer to earliest, latest, an id, or a time with its zone. What is open or
pending ends; dead letters at or above the target are dropped, because their events
are delivered again or skipped. It says how many of each were there.`,
		Args: exactly("NAME", "TARGET"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.seek(cmd.Context(), args[0], args[1])
		},
	}
}

// moved is what a seek did.
type moved struct {
	Consumer   string `json:"consumer"`
	Head       int64  `json:"head"`
	OpenClaims int64  `json:"open_claims"` // that have ended
	Pending    int64  `json:"pending"`     // events that are pending no more
	Dead       int64  `json:"dead"`        // letters that were dropped; counted up to previewed
}

// previewed is how many dead letters howdah.seek_preview counts at most.
const previewed = 10_000

func (a *app) seek(ctx context.Context, consumer, target string) error {
	m := moved{Consumer: consumer}
	err := a.withTx(ctx, func(tx pgx.Tx) error {
		// What the preview notices the seek notices again.
		err := tx.QueryRow(ctx, `select p.open_claims, p.pending, p.dead from (select set_config('client_min_messages', 'warning', true) offset 0) s,
			howdah.seek_preview($1::text, $2::text) p`, consumer, target).Scan(&m.OpenClaims, &m.Pending, &m.Dead)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "set local client_min_messages = notice"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "select howdah.seek($1::text, $2::text)", consumer, target); err != nil {
			return err
		}
		return tx.QueryRow(ctx, "select head from howdah.consumers where consumer = $1::text", consumer).Scan(&m.Head)
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(m)
	}
	_, err = fmt.Fprintf(a.Out, "consumer %s has moved to %d%s\n", consumer, m.Head, m.gone())
	return err
}

// gone says what a seek has ended.
func (m moved) gone() string {
	var all []string
	if m.Dead > 0 {
		letters := count(m.Dead, "dead letter")
		if m.Dead == previewed {
			letters = "at least " + letters
		}
		all = append(all, letters)
	}
	if m.Pending > 0 {
		all = append(all, count(m.Pending, "pending event"))
	}
	if m.OpenClaims > 0 {
		all = append(all, count(m.OpenClaims, "open claim"))
	}
	if len(all) == 0 {
		return ""
	}
	return "; gone: " + strings.Join(all, ", ")
}

func (a *app) consumerReplayCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "replay NAME FROM_ID UNTIL_ID",
		Short: "Deliver a range of events, both ends included, once more",
		Long: `Deliver a range of events, both ends included, once more. Left out is what is open,
pending, dead or not yet handed out. It says how many events are pending then, and how
many were before.`,
		Args: exactly("NAME", "FROM_ID", "UNTIL_ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args[1:])
			if err != nil {
				return err
			}
			return a.replay(cmd.Context(), args[0], ids[0], ids[1])
		},
	}
}

func (a *app) replay(ctx context.Context, consumer string, from, until int64) error {
	const pending = "select coalesce((select pending from howdah.consumers where consumer = $1::text), 0)"
	var before, after int64
	err := a.withTx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, pending, consumer).Scan(&before); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "select howdah.replay($1::text, $2::bigint, $3::bigint)", consumer, from, until); err != nil {
			return err
		}
		return tx.QueryRow(ctx, pending, consumer).Scan(&after)
	})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]any{"consumer": consumer, "pending_before": before, "pending": after})
	}
	_, err = fmt.Fprintf(a.Out, "consumer %s gets again what it had of events %d to %d: %s now, before %s\n",
		consumer, from, until, count(after, "pending event"), thousands(before))
	return err
}

func (a *app) consumerDeadCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "dead NAME",
		Short: "List the dead letters of a consumer, the latest id first",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.show(cmd.Context(), "no dead letters", []string{"id", "attempts", "failed_at", "error", "payload"},
				"select * from howdah.dead_page($1::text, null, $2::int, true)", args[0], n)
		},
	}
	cmd.Flags().IntVarP(&n, "limit", "n", 20, "at most this many")
	return cmd
}

func (a *app) consumerRedriveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "redrive NAME [ID…]",
		Short: "Send dead letters, all or those named, round again",
		Args:  atLeast("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args[1:])
			if err != nil {
				return err
			}
			return a.doCount(cmd.Context(), "dead letter", "sent round again", "select howdah.redrive($1::text, $2::bigint[])", args[0], ids)
		},
	}
}

func (a *app) consumerPauseCommand(use, short string, pause bool) *cobra.Command {
	return &cobra.Command{
		Use:   use + " NAME",
		Short: short,
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.do(cmd.Context(), fmt.Sprintf("consumer %s %sd", args[0], use), "select howdah.pause($1::text, $2::boolean)", args[0], pause)
		},
	}
}

// parseIDs reads ids; none is nil, SQL's null.
func parseIDs(args []string) ([]int64, error) {
	var ids []int64
	for _, s := range args {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, usageError{fmt.Errorf("%q is not an id: ids are whole numbers", s)}
		}
		ids = append(ids, id)
	}
	return ids, nil
}
