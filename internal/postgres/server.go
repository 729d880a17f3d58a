package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// A Server is one user's hold on the private PostgreSQL of a data folder. It
// is safe for use by several goroutines.
type Server struct {
	cfg     Config
	l       layout
	adopted bool
	version string

	mu    sync.Mutex
	info  Info      // of the postmaster known last
	users *fileLock // nil once released
}

// Start starts the private PostgreSQL of the data folder, or adopts it when it
// runs, and makes the caller one of its users until Release, Stop or the end of
// the process.
func Start(ctx context.Context, cfg Config) (_ *Server, err error) {
	if cfg, err = cfg.withDefaults(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, l: layout{cfg.DataDir}}
	if err := s.l.prepare(); err != nil {
		return nil, err
	}
	lock, err := s.l.waitLock(ctx, s.l.lock(), syscall.LOCK_EX, func() {
		cfg.Progress("Waiting for another process that starts or stops this PostgreSQL")
	})
	if err != nil {
		return nil, err
	}
	defer lock.release()
	// A folder that was empty a moment ago may have been filled meanwhile.
	if err := s.l.prepare(); err != nil {
		return nil, err
	}
	// A user from here on, so that leave stops what a failure leaves running.
	if s.users, err = s.l.waitLock(ctx, s.l.users(), syscall.LOCK_SH, nil); err != nil {
		return nil, err
	}
	if s.info, s.adopted, err = s.l.ensure(ctx, cfg); err == nil {
		s.version, err = s.info.serverVersion(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.leave(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// Info says how to reach the server. After a restart by Watch it may differ.
func (s *Server) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info
}

// URL connects as the role howdah through the unix socket; see Info.URL.
func (s *Server) URL() string { return s.Info().URL() }

// TCPURL connects as the role howdah over loopback, with its password.
func (s *Server) TCPURL() string { return s.Info().TCPURL() }

// SuperuserURL connects as the superuser through the unix socket. Only tests
// and repair need it.
func (s *Server) SuperuserURL() string { return s.Info().SocketURL(Superuser, Database) }

// Version of the server, as "15.12".
func (s *Server) Version() string { return s.version }

// Major version of the server, as 15.
func (s *Server) Major() int {
	major, _ := parseMajor(s.version)
	return major
}

// DataDir is the data folder.
func (s *Server) DataDir() string { return s.l.root }

// Adopted tells whether the server ran already when Start was called.
func (s *Server) Adopted() bool { return s.adopted }

// Release ends this use of the server. The last user to leave stops it, unless
// KeepRunning was set. A second Release does nothing.
func (s *Server) Release(ctx context.Context) error {
	lock, err := s.l.waitLock(ctx, s.l.lock(), syscall.LOCK_EX, nil)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.users.release() // somebody else will be the last
		return fmt.Errorf("release PostgreSQL: %w", err)
	}
	defer lock.release()
	return s.leave(ctx)
}

// leave is Release for a caller that holds the lock.
func (s *Server) leave(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == nil || s.users.f == nil {
		return nil
	}
	s.users.release()
	if s.cfg.KeepRunning {
		return nil
	}
	used, err := s.l.inUse()
	if err != nil || used {
		return err
	}
	return s.l.stop(ctx)
}

// Stop stops the server whoever else uses it, as Shutdown does.
func (s *Server) Stop(ctx context.Context) error {
	lock, err := s.l.waitLock(ctx, s.l.lock(), syscall.LOCK_EX, nil)
	if err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	defer lock.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users.release()
	return s.l.stopOnRequest(ctx)
}

func (s *Server) released() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users == nil || s.users.f == nil
}

func (i Info) serverVersion(ctx context.Context) (version string, err error) {
	conn, err := i.connect(ctx, "postgres")
	if err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	if err := conn.QueryRow(ctx, "show server_version").Scan(&version); err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	return versionPattern.FindString(version), nil
}
