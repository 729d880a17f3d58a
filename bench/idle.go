package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

const idleConsumers = 5

// idle measures the CPU that this process and its PostgreSQL backends use while 5 consumers wait for events. The backends
// are seen only where PostgreSQL runs on this machine.
func (b *bench) idle(ctx context.Context) error {
	if _, err := cpuOf("self"); err != nil {
		return nil // no /proc: not Linux
	}
	topic, names, err := b.howdahTopic(ctx, idleConsumers)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	errs := make(chan error, len(names))
	for _, n := range names {
		go func() {
			errs <- b.db.Consumer(n).Run(running, func(context.Context, []howdah.Event) error { return nil })
		}()
	}
	d := max(3*b.o.Round, 3*time.Second)
	pause(ctx, time.Second) // until all sleep
	process, backends, err := b.cpu(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	pause(ctx, d)
	process2, backends2, err := b.cpu(ctx)
	if err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	stop()
	for range names {
		if err := <-errs; err != nil {
			return err
		}
	}
	b.value("idle", fmt.Sprintf("this process, %d consumers", idleConsumers), "% of a core", []float64{100 * (process2 - process) / took}, atMost(1))
	if backends2 > 0 {
		b.value("idle", "its PostgreSQL backends", "% of a core", []float64{100 * (backends2 - backends) / took}, nil)
	}
	return b.dropHowdah(ctx, topic, names)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// cpu is the CPU time in seconds that this process, and the backends of its database, have used.
func (b *bench) cpu(ctx context.Context) (process, backends float64, err error) {
	if process, err = cpuOf("self"); err != nil {
		return 0, 0, err
	}
	rows, err := b.pool.Query(ctx, `select pid from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
		and pid <> pg_backend_pid()`)
	if err != nil {
		return 0, 0, err
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return 0, 0, err
	}
	for _, pid := range pids {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err != nil || !strings.HasPrefix(string(name), "postgres") {
			continue
		}
		if s, err := cpuOf(strconv.Itoa(pid)); err == nil {
			backends += s
		}
	}
	return process, backends, nil
}

// cpuOf reads a process's user and system time; Linux counts them in hundredths of a second.
func cpuOf(pid string) (float64, error) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%s/stat has %d fields", pid, len(fields))
	}
	user, err := strconv.ParseFloat(string(fields[11]), 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(string(fields[12]), 64)
	return (user + system) / 100, err
}
