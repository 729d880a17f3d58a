package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrNotRunning says that no private PostgreSQL runs in a data folder.
var ErrNotRunning = errors.New("no PostgreSQL of Howdah runs there")

// existing is the layout of a folder that is one of ours. An empty name means
// the default data folder.
func existing(dataDir string) (layout, error) {
	cfg, err := Config{DataDir: dataDir}.withDefaults()
	if err != nil {
		return layout{}, err
	}
	l := layout{cfg.DataDir}
	if _, err := os.Stat(l.state()); err != nil {
		if os.IsNotExist(err) {
			return l, fmt.Errorf("data folder %s: %w", l.root, ErrNotRunning)
		}
		return l, fmt.Errorf("look into data folder: %w; it belongs to %s", err, ownerName(filepath.Dir(l.state())))
	}
	return l, nil
}

// Lookup tells how to reach the server of a data folder (empty: the default
// one) without starting or holding it. The error is ErrNotRunning when there is
// none, or when it is not ready yet.
func Lookup(dataDir string) (Info, error) {
	l, err := existing(dataDir)
	if err != nil {
		return Info{}, err
	}
	pf := l.postmaster()
	if pf == nil || pf.status != "ready" {
		return Info{}, fmt.Errorf("data folder %s: %w; start it with: howdah up --data %q", l.root, ErrNotRunning, l.root)
	}
	st, err := l.readState()
	if err != nil {
		return Info{}, err
	}
	return l.info(st, pf)
}

// InUse tells whether any process uses the server of a data folder just now.
func InUse(dataDir string) (bool, error) {
	l, err := existing(dataDir)
	if errors.Is(err, ErrNotRunning) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// Whoever starts or stops it just now holds the lock and counts as a user.
	lock, err := l.tryLock(l.lock(), syscall.LOCK_EX)
	if errors.Is(err, errLocked) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.release()
	return l.inUse()
}
