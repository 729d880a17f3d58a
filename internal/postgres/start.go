package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ensure makes sure that the server of the folder runs and can be used. It
// tells whether it ran already. The caller holds the lock.
func (l layout) ensure(ctx context.Context, cfg Config) (info Info, adopted bool, err error) {
	if pf := l.postmaster(); pf != nil {
		if pf.status != "stopping" {
			info, err = l.adopt(ctx, cfg)
			if err == nil || Alive(pf.pid) {
				return info, true, err
			}
			// It died while we waited for it.
		} else if err := l.waitGone(ctx, pf.pid); err != nil {
			return info, false, err
		}
	}
	info, err = l.startCluster(ctx, cfg)
	return info, false, err
}

// adopt waits until the running server answers.
func (l layout) adopt(ctx context.Context, cfg Config) (Info, error) {
	st, err := l.readState()
	if err != nil {
		return Info{}, err
	}
	info, err := l.waitReady(ctx, cfg, st)
	if err != nil {
		return info, fmt.Errorf("adopt the PostgreSQL that runs in %s: %w", l.root, err)
	}
	return info, l.bootstrap(ctx, cfg, &info)
}

// startCluster starts what does not run, after making what is not there.
func (l layout) startCluster(ctx context.Context, cfg Config) (Info, error) {
	acct, err := chooseAccount(l.cluster())
	if err != nil {
		return Info{}, err
	}
	major, err := l.clusterMajor()
	if err != nil {
		return Info{}, err
	}
	programs, err := choose(ctx, cfg, acct, major)
	if err != nil {
		return Info{}, err
	}
	st, err := l.readState()
	if err != nil {
		return Info{}, err
	}
	if err := l.clearRemains(ctx, cfg, acct); err != nil {
		return Info{}, err
	}
	if major != 0 && cfg.Disposable && st.Boot != bootID() {
		cfg.Progress("The machine was restarted: making the disposable cluster anew")
		if err := os.RemoveAll(l.cluster()); err != nil {
			return Info{}, fmt.Errorf("remove disposable cluster: %w", err)
		}
		major = 0
	}
	st.Layout, st.Major, st.BinDir, st.Boot, st.Stopped, st.Durable = 1, programs.Major, programs.Dir, bootID(), false, !cfg.Disposable
	// Before the cluster, because it marks the folder as ours.
	if err := l.writeState(st); err != nil {
		return Info{}, err
	}
	if major == 0 {
		if err := l.initCluster(ctx, acct, programs, cfg); err != nil {
			return Info{}, err
		}
	}
	conf := filepath.Join(l.cluster(), settingsFile)
	lz4 := supportsLZ4(ctx, acct, programs, l.cluster())
	if err := acct.writeFile(conf, settings(cfg.Disposable, lz4)); err != nil {
		return Info{}, fmt.Errorf("write %s: %w", settingsFile, err)
	}
	cfg.Progress(fmt.Sprintf("Starting PostgreSQL %s", programs.Version))
	for try := 1; ; try++ {
		info, err := l.launch(ctx, cfg, acct, programs, &st)
		// Somebody may take the port between our look at it and PostgreSQL's.
		if errors.Is(err, errPortTaken) && try < 5 {
			st.Port = 0
			continue
		}
		return info, err
	}
}

var errPortTaken = errors.New("the port was taken")

// launch starts the postmaster once and waits until it can be used.
func (l layout) launch(ctx context.Context, cfg Config, acct account, programs Programs, st *state) (Info, error) {
	var err error
	if st.Socket, err = l.socketDir(acct, st.Socket); err != nil {
		return Info{}, err
	}
	if st.Port, err = freePort(st.Port); err != nil {
		return Info{}, err
	}
	if err := l.writeState(*st); err != nil {
		return Info{}, err
	}
	// Not bound to ctx: the server outlives the call that started it.
	cmd := acct.command(context.Background(), filepath.Join(programs.Dir, "postgres"))
	defer closeExposed(cmd)
	cluster, err := acct.expose(cmd, l.cluster())
	if err != nil {
		return Info{}, err
	}
	socket, err := acct.expose(cmd, st.Socket)
	if err != nil {
		return Info{}, err
	}
	cmd.Args = append(cmd.Args, st.arguments(cluster, socket, cfg.Settings)...)
	out, err := l.create(l.startLog(), os.O_WRONLY|os.O_TRUNC|os.O_APPEND)
	if err != nil {
		return Info{}, fmt.Errorf("open start log: %w", err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return Info{}, fmt.Errorf("start %s as user %s: %w", cmd.Path, acct.name, err)
	}
	pid := cmd.Process.Pid
	children.Store(pid, struct{}{})
	if err := cmd.Process.Release(); err != nil { // alive reaps it
		cfg.Log.Warn("release process", "pid", pid, "error", err)
	}
	cfg.Log.Info("started PostgreSQL", "pid", pid, "version", programs.Version, "data", l.root, "port", st.Port)
	info, err := l.waitReadyPID(ctx, cfg, *st, pid)
	if err == nil {
		err = l.bootstrap(ctx, cfg, &info)
	}
	if err == nil {
		return info, nil
	}
	if Alive(pid) {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		return info, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), l.stopPID(stopCtx, pid))
	}
	said := l.lastWords()
	if strings.Contains(said, "could not bind") || strings.Contains(said, "could not create any TCP/IP sockets") {
		return info, errPortTaken
	}
	return info, fmt.Errorf("start PostgreSQL: %w; it said:\n%s", err, said)
}

// lastWords is what a server that did not start wrote last.
func (l layout) lastWords() string {
	b, err := os.ReadFile(l.startLog())
	if err != nil {
		return err.Error()
	}
	said := lastLines(string(b), 8)
	if !strings.Contains(said, "log output") { // its own log had not taken over
		return said
	}
	logs, err := filepath.Glob(filepath.Join(globQuote(l.cluster()), "log", "postgresql-*.log"))
	if err != nil || len(logs) == 0 {
		return said
	}
	newest := slices.MaxFunc(logs, func(a, b string) int { return modified(a).Compare(modified(b)) })
	b, err = os.ReadFile(newest)
	if err != nil {
		return said
	}
	return lastLines(string(b), 8)
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// clearRemains removes what a killed postmaster left: processes that still
// hold its memory, and a postmaster.pid whose number somebody else may have.
func (l layout) clearRemains(ctx context.Context, cfg Config, acct account) error {
	pf := l.readPidFile()
	if pf == nil {
		return nil
	}
	cfg.Log.Warn("PostgreSQL was not stopped in order and will recover", "data", l.root, "pid", pf.pid)
	cfg.Progress("PostgreSQL was not stopped in order: recovering")
	// They leave by themselves once they look up from their work.
	for _, sig := range []syscall.Signal{0, syscall.SIGQUIT, syscall.SIGKILL} {
		for _, pid := range servants(l.cluster()) {
			if sig != 0 {
				_ = syscall.Kill(pid, sig)
			}
		}
		limit, cancel := context.WithTimeout(ctx, 3*time.Second)
		err := Poll(limit, func() bool { return len(servants(l.cluster())) == 0 })
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for the processes of a killed PostgreSQL: %w", ctx.Err())
		}
	}
	if left := servants(l.cluster()); len(left) > 0 {
		return fmt.Errorf("processes %v of a killed PostgreSQL still work in %s: end them and start again", left, l.cluster())
	}
	if Alive(pf.pid) && !serves(pf.pid, l.cluster()) || !Alive(pf.pid) {
		if err := os.Remove(l.pidFile()); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("remove stale postmaster.pid: %w", err)
		}
	}
	return nil
}
