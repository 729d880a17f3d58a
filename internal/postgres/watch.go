package postgres

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// How often Watch looks, and how long it waits before it tries again.
const (
	watchEvery = 250 * time.Millisecond
	backOffMin = 100 * time.Millisecond
	backOffMax = 10 * time.Second
	calmAfter  = time.Minute // of running, after which a death counts as the first
)

// ErrStopped says that the server was stopped on request, by Shutdown or Stop.
var ErrStopped = errors.New("the private PostgreSQL was stopped on request")

// An Event is what Watch has seen or done.
type Event struct {
	Kind    EventKind
	Info    Info  // of the server that runs now; zero unless Restarted
	Err     error // why a restart did not work; nil unless RestartFailed
	Attempt int   // of restarting since the last calm minute, from 1
}

// EventKind says what happened.
type EventKind int

// What Watch reports.
const (
	Died          EventKind = iota + 1 // the postmaster has ended
	Restarted                          // it runs again, started by us or by another user
	RestartFailed                      // it does not; the next attempt follows
)

func (k EventKind) String() string {
	switch k {
	case Died:
		return "died"
	case Restarted:
		return "restarted"
	case RestartFailed:
		return "restart failed"
	}
	return fmt.Sprintf("EventKind(%d)", int(k))
}

// Watch starts the server again whenever it ends without having been asked to.
// It returns nil when ctx ends or the server is released, and ErrStopped when
// somebody stopped it on purpose. notify may be nil; it is called in turn and
// must not block.
func (s *Server) Watch(ctx context.Context, notify func(Event)) error {
	if notify == nil {
		notify = func(Event) {}
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	attempt := 0
	since := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if s.released() {
			return nil
		}
		if pid := s.Info().PID; Alive(pid) {
			continue
		}
		if time.Since(since) > calmAfter {
			attempt = 0
		}
		s.cfg.Log.Error("PostgreSQL has ended", "pid", s.Info().PID, "data", s.l.root)
		notify(Event{Kind: Died})
		for {
			if attempt > 0 {
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(min(backOffMin<<min(attempt-1, 10), backOffMax)):
				}
			}
			attempt++
			info, err := s.restart(ctx)
			if ctx.Err() != nil || errors.Is(err, errReleased) {
				return nil
			}
			if errors.Is(err, ErrStopped) {
				return err
			}
			if err == nil {
				s.cfg.Log.Warn("PostgreSQL runs again", "pid", info.PID, "attempt", attempt)
				notify(Event{Kind: Restarted, Info: info, Attempt: attempt})
				break
			}
			s.cfg.Log.Error("restart PostgreSQL", "error", err, "attempt", attempt)
			notify(Event{Kind: RestartFailed, Err: err, Attempt: attempt})
		}
		since = time.Now()
	}
}

var errReleased = errors.New("released")

// restart starts the server unless another user has, or somebody stopped it.
func (s *Server) restart(ctx context.Context) (Info, error) {
	if err := s.l.removed(); err != nil { // also the lock, which would be made again
		return Info{}, err
	}
	lock, err := s.l.waitLock(ctx, s.l.lock(), syscall.LOCK_EX, nil)
	if err != nil {
		return Info{}, err
	}
	defer lock.release()
	if s.released() { // under the lock, so that nothing starts after Release
		return Info{}, errReleased
	}
	if s.l.postmaster() == nil {
		if err := s.l.removed(); err != nil {
			return Info{}, err
		}
		st, err := s.l.readState()
		if err != nil {
			return Info{}, err
		}
		if st.Stopped {
			return Info{}, ErrStopped
		}
	}
	info, _, err := s.l.ensure(ctx, s.cfg)
	if err != nil {
		return Info{}, err
	}
	s.mu.Lock()
	s.info = info
	s.mu.Unlock()
	return info, nil
}
