// Package server is Howdah's server, to be run by `howdah up` or embedded in a program: it owns the listener, asks for
// the token, serves the HTTP API, the page and S3, does the upkeep, and stops gracefully.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/console"
	"github.com/howdah/howdah/internal/httpapi"
	"github.com/howdah/howdah/internal/s3"
)

// Config of a Server.
type Config struct {
	DB      *howdah.DB    // stays the caller's to close, after Run has returned
	HTTP    string        // address to listen on; default 127.0.0.1:8470; port 0: any free one
	Token   string        // asked for as "Authorization: Bearer …"; required beyond loopback
	S3      string        // address to serve S3 on; empty: no S3; port 0: any free one. Clients sign with access keys, not the token
	Log     *slog.Logger  // default slog.Default
	Version string        // shown by /healthz and the API's description
	Upkeep  time.Duration // between rounds of upkeep; default 5 s
	Grace   time.Duration // for requests to finish when Run's context ends; default 10 s

	// Extend adds operations to the HTTP API. fail makes an answer of an error, as for all others.
	Extend func(api huma.API, fail func(context.Context, error) error)

	Lab Lab // shown on the page; nil: none

	MaxBodyBytes int64         // of a publish request; default 32 MiB
	Idle         time.Duration // after which an upload of which nothing arrives, or an S3 connection on which nothing moves, is cut; default 2 min
}

// Lab is an ML lab as the page shows and moves it.
type Lab = console.Lab

// DefaultHTTP is where a server listens unless told otherwise.
const DefaultHTTP = "127.0.0.1:8470"

// DefaultIdle is how long an upload may stand still unless told otherwise.
const DefaultIdle = s3.DefaultIdle

// Server serves one database.
type Server struct {
	c        Config
	listener net.Listener
	http     *http.Server
	page     *console.Console
	s3       *s3.Server // or nil
	stopping chan struct{}
	stop     sync.Once
}

// DefaultS3 is where `howdah up` serves S3 unless told otherwise.
const DefaultS3 = "127.0.0.1:8471"

// New listens, so that Addr is known; Run serves. S3 is served from now on, until Run ends or Close. A server beyond
// loopback without a token is refused.
func New(c Config) (*Server, error) {
	if c.DB == nil {
		return nil, errors.New("new server: Config.DB is nil")
	}
	if c.HTTP == "" {
		c.HTTP = DefaultHTTP
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Upkeep <= 0 {
		c.Upkeep = 5 * time.Second
	}
	if c.Grace <= 0 {
		c.Grace = 10 * time.Second
	}
	if c.Idle <= 0 {
		c.Idle = DefaultIdle
	}
	host, _, err := net.SplitHostPort(c.HTTP)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w; write host:port, such as %s", c.HTTP, err, DefaultHTTP)
	}
	if c.Token == "" && !loopback(host) {
		return nil, fmt.Errorf("listen on %q: everybody who reaches it could read and write; give it a token (--token or HOWDAH_TOKEN), or listen on 127.0.0.1", c.HTTP)
	}
	listener, err := net.Listen("tcp", c.HTTP)
	if err != nil {
		return nil, fmt.Errorf("listen: %w; choose another address, port 0 takes a free one", err)
	}
	s := &Server{c: c, listener: listener, stopping: make(chan struct{})}
	api := httpapi.New(httpapi.Config{DB: c.DB, Log: c.Log, Version: c.Version, MaxBodyBytes: c.MaxBodyBytes, Idle: c.Idle, Extend: c.Extend, Stopping: s.stopping})
	s.page = console.New(console.Config{DB: c.DB, Log: c.Log, Version: c.Version, Token: c.Token, Lab: c.Lab, Stopping: s.stopping})
	s.http = &http.Server{
		Handler:           s.observe(s.protect(divide(s.askForToken(jsonByDefault(api)), s.page))),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	if c.S3 != "" {
		if s.s3, err = s3.Start(s3.Config{DB: c.DB, Addr: c.S3, Log: c.Log, Idle: c.Idle}); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	return s, nil
}

// S3URL is where S3 is served, for clients on this machine; empty where it is not.
func (s *Server) S3URL() string {
	if s.s3 == nil {
		return ""
	}
	return s.s3.URL()
}

// s3Ended gives the error of an S3 server that ended by itself; never, where there is none.
func (s *Server) s3Ended() <-chan error {
	if s.s3 == nil {
		return nil
	}
	return s.s3.Ended()
}

func (s *Server) closeS3() error {
	if s.s3 == nil {
		return nil
	}
	return s.s3.Close()
}

// Addr is where the server listens, as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is where the server is reached from this machine.
func (s *Server) URL() string {
	a := s.listener.Addr().(*net.TCPAddr)
	host := a.IP.String()
	if a.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(a.Port))
}

// Run serves until ctx ends; then waiting claims and tails end, other requests finish, and it returns nil. It can be
// called once.
func (s *Server) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var background sync.WaitGroup
	background.Go(func() { s.upkeep(ctx) })
	background.Go(func() { s.page.Run(ctx) })
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(s.listener) }()
	s.c.Log.Info("serving", "http", s.Addr())
	var err error
	select {
	case err = <-failed:
	case err = <-s.s3Ended():
		err = fmt.Errorf("S3 ended: %w", errors.Join(err, s.http.Close()))
	case <-ctx.Done():
		s.stop.Do(func() { close(s.stopping) })
		var ending sync.WaitGroup
		defer ending.Wait()
		ending.Go(func() {
			if err := s.closeS3(); err != nil {
				s.c.Log.Warn("S3 requests did not finish in time and were cut off", "error", err)
			}
		})
		grace, stop := context.WithTimeout(context.WithoutCancel(ctx), s.c.Grace)
		defer stop()
		if err := s.http.Shutdown(grace); err != nil {
			s.c.Log.Warn("requests did not finish in time and were cut off", "grace", s.c.Grace)
			_ = s.http.Close()
		}
		err = <-failed
	}
	cancel()
	background.Wait()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	s.c.Log.Info("stopped")
	return nil
}

// Close stops listening without having run.
func (s *Server) Close() error { return errors.Join(s.http.Close(), s.listener.Close(), s.closeS3()) }

// upkeep keeps segments, retention and history in order, a little irregularly, so that several servers of one database
// do not do it in step.
func (s *Server) upkeep(ctx context.Context) {
	failing := false
	for {
		err := s.c.DB.Upkeep(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, howdah.ErrBusy):
		case err != nil:
			if !failing {
				s.c.Log.Warn("upkeep does not work; trying on", "error", err)
			}
			failing = true
		case failing:
			s.c.Log.Info("upkeep works again")
			failing = false
		}
		wait := s.c.Upkeep*3/4 + rand.N(s.c.Upkeep/2+1)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}
