package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// A fileLock is a flock. It belongs to the open file, so two users in one
// process hold two, and the kernel drops it when the process ends.
type fileLock struct{ f *os.File }

// errLocked says that somebody else holds the lock.
var errLocked = errors.New("locked by another process")

// tryLock takes the lock now or answers errLocked. how is LOCK_EX or LOCK_SH.
func (l layout) tryLock(path string, how int) (*fileLock, error) {
	f, err := l.create(path, os.O_RDWR)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w; the data folder belongs to %s", err, ownerName(l.root))
	}
	for {
		err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err == nil {
		return &fileLock{f}, nil
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
}

// waitLock takes the lock as soon as it is free; waiting is called once if it
// is not free at once.
func (l layout) waitLock(ctx context.Context, path string, how int, waiting func()) (*fileLock, error) {
	pause := 2 * time.Millisecond
	for first := true; ; first = false {
		lk, err := l.tryLock(path, how)
		if !errors.Is(err, errLocked) {
			return lk, err
		}
		if first && waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s, which another process holds: %w", path, ctx.Err())
		case <-time.After(pause):
		}
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// release is safe on nil and when called twice.
func (k *fileLock) release() {
	if k != nil && k.f != nil {
		_ = k.f.Close() // closing the only descriptor drops the lock
		k.f = nil
	}
}

// inUse tells whether any process uses the server of this folder. The caller
// holds the lock of the folder, so the answer stays true while it does.
func (l layout) inUse() (bool, error) {
	lk, err := l.tryLock(l.users(), syscall.LOCK_EX)
	if errors.Is(err, errLocked) {
		return true, nil
	}
	lk.release()
	return false, err
}
