package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
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
	Idle time.Duration // after which a connection on which nothing moves is closed; default DefaultIdle
}

// DefaultIdle is how long nothing may move on a connection unless told otherwise.
const DefaultIdle = 2 * time.Minute

// Server serves S3 from Start until Close.
type Server struct {
	listener net.Listener
	api      *s3api.S3ApiServer
	stop     context.CancelFunc
	ended    chan error
}

// maxConns bounds the connections, and the requests at one time, of a server.
const maxConns = 4096

// Start listens and serves.
func Start(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Idle <= 0 {
		c.Idle = DefaultIdle
	}
	l, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for S3: %w; choose another address, port 0 takes a free one", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	api, server, err := newAPI(&store{ctx: ctx, db: c.DB, keys: newKeys(ctx, c.DB), log: c.Log})
	if err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("start S3: %w", err), l.Close())
	}
	s := &Server{listener: l, api: api, stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- server.Serve(&listener{l, c.Idle}) }()
	return s, nil
}

// newAPI starts the library and takes the server out of it. The library wants to listen itself, and gives connections no
// time limits: it gets a socket that nobody else sees, and the one request that comes there brings the server out.
func newAPI(b *store) (*s3api.S3ApiServer, *fasthttp.Server, error) {
	dir, err := os.MkdirTemp("", "howdah-s3-")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	socket, path := filepath.Join(dir, "s"), "/"+rand.Text()
	found, listening, ended := make(chan *fasthttp.Server, 1), make(chan struct{}), make(chan error, 1)
	// The library wants a root account. Nobody knows this one.
	root := middlewares.RootUserConfig{Access: "nobody-" + rand.Text(), Secret: rand.Text() + rand.Text()}
	api, err := s3api.New(b, root, Region, b.keys, nil, nil, nil, nil,
		s3api.WithQuiet(), s3api.WithKeepAlive(), s3api.WithDisableACL(), s3api.WithConcurrencyLimiter(maxConns, maxConns),
		s3api.WithMpMaxParts(10_000), s3api.WithOnListen(func() { close(listening) }),
		s3api.WithRoute(http.MethodGet, path, func(c fiber.Ctx) error {
			select {
			case found <- c.App().Server():
			default:
			}
			return nil
		}))
	if err != nil {
		return nil, nil, err
	}
	go func() { ended <- api.ServeMultiPort([]string{socket}) }()
	select {
	case <-listening:
	case err := <-ended:
		return nil, nil, err
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		}}}
	resp, err := client.Get("http://s3" + path)
	if err != nil {
		return nil, nil, errors.Join(err, api.ShutDown())
	}
	_ = resp.Body.Close()
	server := <-found
	server.Handler = readToEnd(server.Handler)
	return api, server, nil
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

// Ended gives the error of a server that ended by itself.
func (s *Server) Ended() <-chan error { return s.ended }

// Close lets requests finish, for some seconds, and ends the rest.
func (s *Server) Close() error {
	err := s.api.ShutDown()
	_ = s.listener.Close() // where serving has not begun
	s.stop()
	if err != nil {
		return fmt.Errorf("stop S3: %w", err)
	}
	return nil
}
