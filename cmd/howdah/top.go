package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Sequences of terminals: another screen without cursor, back, home, clear to the end of the line and of the screen.
const (
	screenOpen  = "\x1b[?1049h\x1b[?25l"
	screenClose = "\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	lineEnd     = "\x1b[K\r\n"
	screenRest  = "\x1b[J"
)

func (a *app) topCommand() *cobra.Command {
	var every time.Duration
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch topics and consumers live, with rates; Ctrl-C leaves",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, ok := a.Out.(*os.File)
			if !a.json && (!ok || !isTerminal(out)) {
				return hinted{errors.New("top needs a terminal"), "use `howdah status`, or `howdah top --json` for a stream of snapshots"}
			}
			if every < 100*time.Millisecond {
				return usageError{fmt.Errorf("--every is %v, not at least 100ms", every)}
			}
			ctx := cmd.Context()
			var meter meter
			open := false
			defer func() {
				if open {
					_, _ = fmt.Fprint(out, screenClose)
				}
			}()
			return a.withConnAgain(ctx, false, func(conn *pgx.Conn) error {
				if !a.json && !open {
					_, _ = fmt.Fprint(out, screenOpen)
					open = true
				}
				return a.watch(ctx, conn, out, every, &meter)
			})
		},
	}
	cmd.Flags().DurationVar(&every, "every", time.Second, "time between two looks")
	return cmd
}

func (a *app) watch(ctx context.Context, conn *pgx.Conn, out *os.File, every time.Duration, m *meter) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s, err := readStatus(ctx, conn)
		if err != nil {
			return err
		}
		m.add(s, time.Now())
		if a.json {
			err = a.printJSON(s)
		} else {
			err = draw(out, conn.Config().Database, s)
		}
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// meter adds rates to what it is shown: events a second since the last look.
type meter struct {
	at   time.Time
	last map[string]int64
}

func (m *meter) add(s status, now time.Time) {
	seconds := now.Sub(m.at).Seconds()
	seen := map[string]int64{}
	for _, part := range []struct {
		kind, name, rate string
		rows             []record
		value            func(record) int64
	}{
		{"topic", "topic", "in_per_s", s.Topics, func(r record) int64 { return r.int("last_id") }},
		// What a consumer has finished grows by what leaves its lag while new events come in.
		{"consumer", "consumer", "done_per_s", s.Consumers, func(r record) int64 { return s.lastID(r.text("topic")) - r.int("lag") - r.int("dead") }},
	} {
		for i, r := range part.rows {
			id, v := part.kind+" "+r.text(part.name), part.value(r)
			seen[id] = v
			var rate any
			if before, ok := m.last[id]; ok && seconds > 0 {
				rate = float64(v-before) / seconds
			}
			r.names, r.values = append(r.names[:len(r.names):len(r.names)], part.rate), append(r.values, rate)
			part.rows[i] = r
		}
	}
	m.at, m.last = now, seen
}

func (s status) lastID(topic string) int64 {
	for _, t := range s.Topics {
		if t.text("topic") == topic {
			return t.int("last_id")
		}
	}
	return 0
}

// draw paints over what was there, line by line, so that nothing flickers.
func draw(out *os.File, database string, s status) error {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	var b bytes.Buffer
	_, _ = fmt.Fprintf(&b, "howdah  %s  %s\n\n", database, time.Now().UTC().Format("2006-01-02 15:04:05Z"))
	if err := s.printLive(&b); err != nil {
		return err
	}
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	if len(lines) > height-1 {
		lines = append(lines[:max(height-2, 0)], "…")
	}
	var screen strings.Builder
	screen.WriteString(screenHome)
	for _, l := range lines {
		screen.WriteString(clip(l, width) + lineEnd)
	}
	screen.WriteString(screenRest)
	_, err = out.WriteString(screen.String())
	return err
}

func (s status) printLive(b *bytes.Buffer) error {
	if len(s.Topics) == 0 {
		b.WriteString("no topics yet")
		return nil
	}
	if err := table(b, s.Topics, []string{"topic", "in_per_s", "events", "last_id", "bytes"}); err != nil {
		return err
	}
	b.WriteByte('\n')
	if err := table(b, s.Consumers, []string{"consumer", "topic", "done_per_s", "lag", "lag_seconds", "in_flight", "pending", "dead", "paused"}); err != nil {
		return err
	}
	if len(s.Producers) > 0 {
		b.WriteString("\ntransactions that hold consumers back\n")
		return table(b, s.Producers, []string{"topic", "pid", "open_seconds"})
	}
	return nil
}
