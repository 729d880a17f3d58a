package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah"
)

func (a *app) findCommand() *cobra.Command {
	var s howdah.Search
	var contains, since, before string
	cmd := &cobra.Command{
		Use:   "find TOPIC",
		Short: "Find events of a topic by id, time, key and JSON content, the newest first",
		Long: `Find events of a topic by id, time, key and JSON content, the newest first.

A search by key or content reads a bounded number of events (--look) and says where it
stopped; go on there with --until. With an index on (key, id) of the topic's table a key
is found at any distance. Times are about right: they are found by bisection.`,
		Example: "  howdah find payments --key c42\n  howdah find payments --contains '{\"currency\": \"EUR\"}' --since 15m\n  howdah find payments --until 100000 -n 5",
		Args:    exactly("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if s.Limit < 1 {
				return usageError{fmt.Errorf("-n is %d, not positive", s.Limit)}
			}
			var err error
			if s.Since, err = pointInTime("--since", since); err != nil {
				return err
			}
			if s.Before, err = pointInTime("--before", before); err != nil {
				return err
			}
			if contains != "" {
				s.Contains = json.RawMessage(contains)
			}
			db, err := a.open(ctx)
			if err != nil {
				return err
			}
			defer db.Close()
			found, err := db.Topic(args[0]).Find(ctx, s)
			if err != nil {
				return err
			}
			for _, e := range found.Events {
				if err := a.printEvent(e); err != nil {
					return err
				}
			}
			if found.Next != 0 && len(found.Events) < s.Limit {
				_, err = fmt.Fprintf(a.Err, "looked at %d events; go on with --until %d\n", found.Looked, found.Next)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.Key, "key", "", "only events of this `key`")
	flags.StringVar(&contains, "contains", "", "only payloads that contain this `JSON`, as PostgreSQL's @> says")
	flags.StringVar(&since, "since", "", "received at this `time` (with its zone) or later; or how long ago, such as 15m")
	flags.StringVar(&before, "before", "", "received before this `time`")
	flags.Int64Var(&s.From, "from", 0, "no `id` below this one")
	flags.Int64Var(&s.Until, "until", 0, "no `id` above this one")
	flags.BoolVar(&s.OldestFirst, "oldest-first", false, "the oldest first; go on with --from")
	flags.IntVarP(&s.Limit, "limit", "n", 20, "at most this many")
	flags.IntVar(&s.Look, "look", 0, "how many events a search by key or content reads at most (default 20000, by key 100000)")
	return cmd
}

// pointInTime reads a time with its zone, or how long ago.
func pointInTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return time.Now().Add(-d), nil
	}
	return time.Time{}, usageError{fmt.Errorf("%s is %q; write a time like 2026-01-31T12:00:00Z, or how long ago, like 15m", flag, text)}
}

func (a *app) printEvent(e howdah.Event) error {
	if a.json {
		o := map[string]any{"id": e.ID, "key": orNull(e.Key), "partition": e.Partition}
		if !e.EventTime.IsZero() { // an adopted table may have no times
			o["event_time"] = e.EventTime
		}
		if !e.ReceivedAt.IsZero() {
			o["received_at"] = e.ReceivedAt
		}
		if json.Valid(e.Payload) {
			o["payload"] = json.RawMessage(e.Payload)
		} else {
			o["payload_base64"] = e.Payload
		}
		if len(e.Headers) > 0 {
			o["headers"] = e.Headers
		}
		return a.printJSON(o)
	}
	payload := string(e.Payload)
	if !utf8.ValidString(payload) {
		payload = fmt.Sprintf("%d bytes: %q", len(e.Payload), e.Payload[:min(len(e.Payload), 60)])
	}
	return a.printEventLine(e.ID, e.ReceivedAt, e.Key, payload)
}

func (a *app) eventCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "event TOPIC ID",
		Short: "Show one event, and its way through every consumer of the topic",
		Args:  exactly("TOPIC", "ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			id, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return usageError{fmt.Errorf("%q is not an id: ids are whole numbers", args[1])}
			}
			db, err := a.open(ctx)
			if err != nil {
				return err
			}
			defer db.Close()
			t := db.Topic(args[0])
			e, err := t.Event(ctx, id)
			if err != nil {
				return err
			}
			states, err := t.States(ctx, id)
			if err != nil {
				return err
			}
			if err := a.printEvent(e); err != nil {
				return err
			}
			for _, s := range states {
				if a.json {
					err = errors.Join(err, a.printJSON(s))
					continue
				}
				_, failed := fmt.Fprintf(a.Out, "  %-24s %s\n", s.Consumer, stateInWords(s))
				err = errors.Join(err, failed)
			}
			return err
		},
	}
}

func stateInWords(s howdah.EventState) string {
	at := func(t *time.Time) string {
		if t == nil {
			return "at an unknown time"
		}
		return t.Format("2006-01-02T15:04:05.000Z07:00")
	}
	words := s.State
	switch s.State {
	case "processed":
		words += " " + at(s.ProcessedAt)
	case "open":
		words += fmt.Sprintf(": held by %s since %s, lease until %s", s.Owner, at(s.ClaimedAt), at(s.LeaseUntil))
	case "pending":
		words += ", due " + at(s.DueAt)
	case "dead":
		words += " since " + at(s.FailedAt)
	}
	if s.Attempts > 0 {
		words += ", " + count(int64(s.Attempts), "attempt")
	}
	if s.Error != "" {
		words += ": " + clip(s.Error, 200)
	}
	return words
}

func (a *app) consumerClaimsCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "claims NAME",
		Short: "List the open claims of a consumer: who works on what, the oldest first",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 {
				return usageError{fmt.Errorf("-n is %d, not positive", n)}
			}
			return a.show(cmd.Context(), "no open claims", []string{"owner", "events", "first_id", "last_id", "claimed_at", "lease_until", "attempt", "claim_id"},
				`select o.* from howdah.describe_consumer($1::text) c cross join lateral
					(select * from howdah.open_claims o where o.consumer = $1::text order by o.claimed_at limit $2::int) o
				where c.topic is not null`, args[0], n)
		},
	}
	cmd.Flags().IntVarP(&n, "limit", "n", 100, "at most this many")
	return cmd
}

func (a *app) consumerPendingCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:   "pending NAME",
		Short: "List what a consumer is to get again, when, and the last error",
		Args:  exactly("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.show(cmd.Context(), "nothing is pending", []string{"first_id", "last_id", "events", "attempts", "due", "error"},
				"select * from howdah.pending_page($1::text, $2::int)", args[0], n)
		},
	}
	cmd.Flags().IntVarP(&n, "limit", "n", 50, "at most this many")
	return cmd
}
