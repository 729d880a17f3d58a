package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"

	"github.com/howdah/howdah"
)

// Region is what clients sign for.
const Region = "us-east-1"

// Config of a Server.
type Config struct {
	DB   *howdah.DB
	Addr string // host:port; port 0 takes a free one
	Log  *slog.Logger
}

// Server serves S3 from Start until Close.
type Server struct {
	addr  *net.TCPAddr
	api   *s3api.S3ApiServer
	stop  context.CancelFunc
	ended chan error
}

// maxConns bounds the connections, and the requests at one time, of a server.
const maxConns = 4096

// Start listens and serves.
func Start(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for try := 0; ; try++ {
		addr, err := free(c.Addr)
		if err != nil {
			return nil, fmt.Errorf("listen for S3: %w; choose another address, port 0 takes a free one", err)
		}
		s, err := start(c, addr)
		var taken *net.OpError
		if err == nil || try >= 10 || addr.String() == c.Addr || !errors.As(err, &taken) {
			return s, err
		}
	}
}

// free finds a port: the library wants to listen itself, on one that is known.
func free(addr string) (*net.TCPAddr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.Addr().(*net.TCPAddr), l.Close()
}

func start(c Config, addr *net.TCPAddr) (*Server, error) {
	ctx, stop := context.WithCancel(context.Background())
	listening := make(chan struct{})
	keys := newKeys(ctx, c.DB)
	// The library wants a root account. Nobody knows this one.
	root := middlewares.RootUserConfig{Access: "nobody-" + rand.Text(), Secret: rand.Text() + rand.Text()}
	api, err := s3api.New(&store{ctx: ctx, db: c.DB, keys: keys, log: c.Log}, root, Region, keys, nil, nil, nil, nil,
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithDisableACL(), s3api.WithConcurrencyLimiter(maxConns, maxConns),
		s3api.WithMpMaxParts(10_000), s3api.WithOnListen(func() { close(listening) }))
	if err != nil {
		stop()
		return nil, fmt.Errorf("start S3: %w", err)
	}
	s := &Server{addr: addr, api: api, stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- api.ServeMultiPort([]string{addr.String()}) }()
	select {
	case <-listening:
		return s, nil
	case err := <-s.ended:
		stop()
		return nil, fmt.Errorf("listen for S3: %w", err)
	}
}

// Addr is where the server listens, as host:port.
func (s *Server) Addr() string { return s.addr.String() }

// URL is where the server is reached from this machine.
func (s *Server) URL() string {
	host := s.addr.IP.String()
	if s.addr.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(s.addr.Port))
}

// Ended gives the error of a server that ended by itself.
func (s *Server) Ended() <-chan error { return s.ended }

// Close lets requests finish, for some seconds, and ends the rest.
func (s *Server) Close() error {
	err := s.api.ShutDown()
	s.stop()
	if err != nil {
		return fmt.Errorf("stop S3: %w", err)
	}
	return nil
}
