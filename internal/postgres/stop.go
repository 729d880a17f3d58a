package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// stopTimeout is how long a fast shutdown may take when the caller sets no
// limit of their own; it ends with a checkpoint.
const stopTimeout = 60 * time.Second

// stop stops the server of the folder if it runs: open transactions are rolled
// back. The caller holds the lock.
func (l layout) stop(ctx context.Context) error {
	pf := l.postmaster()
	if pf == nil {
		return nil
	}
	if err := l.stopPID(ctx, pf.pid); err != nil {
		return err
	}
	return l.removeShortSocket()
}

func (l layout) stopPID(ctx context.Context, pid int) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, stopTimeout)
		defer cancel()
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop PostgreSQL (process %d): %w", pid, err)
	}
	return l.waitGone(ctx, pid)
}

// waitGone waits until a postmaster has ended.
func (l layout) waitGone(ctx context.Context, pid int) error {
	if err := Poll(ctx, func() bool { return !Alive(pid) }); err != nil {
		return fmt.Errorf("wait until PostgreSQL (process %d in %s) has stopped: %w", pid, l.root, err)
	}
	return nil
}

// removeShortSocket removes a socket folder outside the data folder.
func (l layout) removeShortSocket() error {
	st, err := l.readState()
	if err != nil || st.Socket == "" || st.Socket == l.run() {
		return err
	}
	// Only a folder that we made, and only when it is empty.
	if ok, _ := filepath.Match("/tmp/howdah-*", st.Socket); !ok {
		return nil
	}
	if err := os.Remove(st.Socket); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("remove folder of the socket: %w", err)
	}
	return nil
}

// Shutdown stops the server of a data folder whoever uses it, and tells their
// Watch not to start it again. That nothing runs is no error.
func Shutdown(ctx context.Context, dataDir string) error {
	l, err := existing(dataDir)
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	lock, err := l.waitLock(ctx, l.lock(), syscall.LOCK_EX, nil)
	if err != nil {
		return err
	}
	defer lock.release()
	return l.stopOnRequest(ctx)
}

func (l layout) stopOnRequest(ctx context.Context) error {
	st, err := l.readState()
	if err != nil {
		return err
	}
	st.Stopped = true
	if err := l.writeState(st); err != nil {
		return err
	}
	return l.stop(ctx)
}

// ShutdownIdle stops the server of a data folder if nobody uses it, and tells
// whether nothing runs any more. A folder that is just being started or
// stopped counts as used.
func ShutdownIdle(ctx context.Context, dataDir string) (bool, error) {
	l, err := existing(dataDir)
	if errors.Is(err, ErrNotRunning) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	lock, err := l.tryLock(l.lock(), syscall.LOCK_EX)
	if errors.Is(err, errLocked) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.release()
	if used, err := l.inUse(); err != nil || used {
		return false, err
	}
	return true, l.stop(ctx)
}
