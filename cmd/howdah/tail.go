package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
)

// tailPage is how many ids one query of tail spans or returns at most.
const tailPage = 1000

func (a *app) tailCommand() *cobra.Command {
	var n, since int64
	var follow bool
	cmd := &cobra.Command{
		Use:   "tail TOPIC",
		Short: "Print the last events of a topic, and with -f those that come",
		Long: `Print the last events of a topic, and with -f those that come. It reads the table and
moves no consumer.`,
		Example: "  howdah tail payments -f --json | jq .payload",
		Args:    exactly("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if n < 0 {
				return usageError{fmt.Errorf("-n is %d, not positive", n)}
			}
			t := tailer{app: a, topic: args[0], next: -1}
			if cmd.Flags().Changed("since") {
				t.next = max(since, 0)
			}
			return a.withConnAgain(ctx, !follow, func(conn *pgx.Conn) error {
				t.conn = conn
				if err := conn.QueryRow(ctx, "select howdah.read_query($1::text, false, false)", t.topic).Scan(&t.query); err != nil {
					return err
				}
				stable, err := t.stable(ctx)
				if err != nil {
					return err
				}
				if t.next < 0 {
					if t.next, err = t.start(ctx, stable, n); err != nil {
						return err
					}
				}
				return t.run(ctx, stable, follow)
			})
		},
	}
	cmd.Flags().Int64VarP(&n, "lines", "n", 10, "start with the last `n` events")
	cmd.Flags().Int64Var(&since, "since", 0, "start at this `id`")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until interrupted")
	return cmd
}

type tailer struct {
	*app
	conn         *pgx.Conn
	topic, query string
	next         int64 // the next id to print; negative: not known yet
}

// stable is the id up to which everything is settled. It has to be asked before the rows are read, in a statement of
// its own: an earlier snapshot could miss events below it.
func (t *tailer) stable(ctx context.Context) (id int64, err error) {
	err = t.conn.QueryRow(ctx, "select howdah.stable_id($1::text)", t.topic).Scan(&id)
	return id, err
}

// start is the id of the n-th last event up to stable. It looks back further and further, because ids have gaps.
func (t *tailer) start(ctx context.Context, stable, n int64) (id int64, err error) {
	if n == 0 {
		return stable + 1, nil
	}
	for span := n; ; span *= 8 {
		var found int64
		low := max(stable-span+1, 0)
		err = t.conn.QueryRow(ctx, "select count(*), coalesce(min(id), $2::bigint + 1) from (select id from ("+t.query+") e order by id desc limit $3::bigint) l",
			low, stable, n).Scan(&found, &id)
		if err != nil || found >= n || low == 0 {
			return id, err
		}
	}
}

func (t *tailer) run(ctx context.Context, stable int64, follow bool) error {
	for {
		for t.next <= stable {
			count := 0
			rows, err := t.conn.Query(ctx, "select * from ("+t.query+") e order by id limit $3::int", t.next, stable, tailPage)
			if err != nil {
				return err
			}
			err = each(rows, func(r record) error {
				count++
				t.next = r.int("id") + 1
				return t.print(r)
			})
			if err != nil {
				return err
			}
			if count < tailPage {
				t.next = stable + 1
			}
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
		var err error
		if stable, err = t.stable(ctx); err != nil {
			return err
		}
	}
}

func (t *tailer) print(r record) error {
	if t.json {
		return t.printJSON(asJSON(r))
	}
	at, _ := r.get("event_time").(time.Time)
	if at.IsZero() {
		at, _ = r.get("received_at").(time.Time)
	}
	payload := r.get("payload")
	switch v := payload.(type) {
	case json.RawMessage:
		payload = string(v)
	case []byte:
		payload = fmt.Sprintf("%d bytes: %q", len(v), v[:min(len(v), 60)])
	}
	return t.printEventLine(r.int("id"), at, r.text("key"), fmt.Sprint(payload))
}
