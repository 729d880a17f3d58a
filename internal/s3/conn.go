package s3

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// errStalled is the error of a connection on which nothing moved for too long.
var errStalled = errors.New("nothing arrived in time")

// listener gives connections that end by themselves.
type listener struct {
	net.Listener
	idle time.Duration
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, idle: l.idle}, nil
}

// conn ends when nothing arrives, or nothing is taken, for so long. What moves goes on, however slowly.
type conn struct {
	net.Conn
	idle time.Duration

	mu    sync.Mutex
	until time.Time // what the library allows for reading, where that is less
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = t
	return c.Conn.SetReadDeadline(t)
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	end := time.Now().Add(c.idle)
	if !c.until.IsZero() && c.until.Before(end) {
		end = c.until
	}
	err := c.Conn.SetReadDeadline(end)
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w: %w", errStalled, err)
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (written int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.idle)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(p[written:])
		written += n
		if n == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
	}
}

// What is read of a body in HTTP chunks after its handler, to keep the connection: that much, for that long.
const (
	restSize = 256 << 10
	restTime = time.Second
)

// readToEnd reads the end of a body in HTTP chunks. Readers of aws-chunked bodies stop at the end of the data, before the last
// HTTP chunk, and the library, which reads other bodies to their end, would take that chunk for the next request. minio-go
// sends empty objects so.
func readToEnd(handle fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(c *fasthttp.RequestCtx) {
		handle(c)
		body := c.Request.BodyStream()
		if body == nil || c.Request.Header.ContentLength() != -1 {
			return
		}
		err := c.Conn().SetReadDeadline(time.Now().Add(restTime))
		if err == nil {
			_, err = io.CopyN(io.Discard, body, restSize)
		}
		if !errors.Is(err, io.EOF) || c.Conn().SetReadDeadline(time.Time{}) != nil {
			c.SetConnectionClose()
		}
	}
}
