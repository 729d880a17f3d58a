package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// A Runner is a process that works in the lab.
type Runner struct {
	Host  string        `json:"host"`
	PID   int           `json:"pid"`
	What  string        `json:"what"` // its command
	Since time.Time     `json:"since"`
	Seen  time.Duration `json:"seen_ago"`
}

const (
	beat     = 2 * time.Second // between two signs of life
	runnerIn = "10 s"          // after its last sign of life a process counts as gone
)

const anyRunner = "exists (select from lab.runners where seen_at > clock_timestamp() - interval '" + runnerIn + "')"

// signIn says that this process works in the lab, again and again until ctx ends. What it writes is of system time, and
// needs no disk: it is worth something for seconds.
func (l *Lab) signIn(ctx context.Context) error {
	id, host := randomID(), hostname()
	sign := func(ctx context.Context) error {
		_, err := l.db.Pool().Exec(ctx, `insert into lab.runners as r (id, host, pid, what)
			select $1, $2, $3, $4 from (select set_config('synchronous_commit', 'off', true) offset 0) s
			on conflict (id) do update set seen_at = clock_timestamp()`, id, host, os.Getpid(), what())
		return err
	}
	if err := sign(ctx); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), beat)
		defer cancel()
		// Those that were killed go with the next one that leaves in peace.
		if _, err := l.db.Pool().Exec(last, "delete from lab.runners where id = $1 or seen_at < clock_timestamp() - interval '1 h'", id); err != nil {
			l.log.Warn("signing off did not work; this process counts as running for "+runnerIn, "error", err)
		}
	}()
	for {
		if sleep(ctx, beat) != nil {
			return nil
		}
		if err := sign(ctx); err != nil && ctx.Err() == nil && !howdah.IsTemporary(err) {
			return fmt.Errorf("sign in: %w", err)
		}
	}
}

// what is the command of this process, without where it lies.
func what() string {
	s := filepath.Base(os.Args[0])
	for _, arg := range os.Args[1:min(len(os.Args), 3)] {
		s += " " + arg
	}
	return s
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// Runners are the processes that work in the lab, oldest first.
func (l *Lab) Runners(ctx context.Context) ([]Runner, error) { return runners(ctx, l.db.Pool()) }

func runners(ctx context.Context, q querier) ([]Runner, error) {
	rows, err := q.Query(ctx, `select host, pid, what, since, clock_timestamp() - seen_at from lab.runners
		where seen_at > clock_timestamp() - interval '`+runnerIn+`' order by since`)
	if err != nil {
		return nil, fmt.Errorf("see who runs the lab: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Runner])
}

// ErrRunning means that somebody works in the lab.
var ErrRunning = fmt.Errorf("somebody runs the lab")

// nobodyRuns is an error that names who does.
func nobodyRuns(ctx context.Context, q querier) error {
	all, err := runners(ctx, q)
	if err != nil || len(all) == 0 {
		return err
	}
	r := all[0]
	return fmt.Errorf("%w: process %d on %s (`%s`, since %s); end it first; one that was killed is forgotten %s after its last sign of life, which was %v ago",
		ErrRunning, r.PID, r.Host, r.What, r.Since.Format(time.RFC3339), runnerIn, r.Seen.Round(time.Second))
}
