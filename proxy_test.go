package howdah_test

import (
	"bytes"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// A proxy stands between a client and PostgreSQL, and lets connections fall silent or breaks them.
type proxy struct {
	url string

	mu     sync.Mutex
	marker []byte // the connection on which the client sends this gets no answers any more
	silent map[net.Conn]bool
	hit    chan struct{} // closed when that has happened
	conns  []net.Conn
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	network, address := "tcp", u.Host
	if folder := q.Get("host"); folder != "" {
		network, address = "unix", folder+"/.s.PGSQL."+q.Get("port")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	q.Del("host")
	q.Del("port")
	q.Set("default_query_exec_mode", "exec") // the text of each query is sent
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = listener.Addr().String(), q.Encode()
	p := &proxy{url: u.String(), silent: map[net.Conn]bool{}, hit: make(chan struct{})}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, client, server)
			p.mu.Unlock()
			go p.pass(client, server, client)
			go p.pass(server, client, client)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
	})
	return p
}

// pass sends on what comes from one side of client's connection.
func (p *proxy) pass(from, to, client net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		if from == client && p.marker != nil && bytes.Contains(buf[:n], p.marker) {
			p.marker, p.silent[client] = nil, true
			close(p.hit)
		}
		silent := p.silent[client]
		p.mu.Unlock()
		if silent && to == client {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// silence lets the next connection on which the client sends text get no answers from then on.
func (p *proxy) silence(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.marker = []byte(text)
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// openProxied is open with a second DB whose connections go through a proxy.
func openProxied(t *testing.T, options ...howdah.ConsumerOption) (p *proxy, db *howdah.DB, topic *howdah.Topic, through *howdah.Consumer) {
	t.Helper()
	url := testdb.New(t)
	db, topic, _ = openAt(t, url, options...)
	p = newProxy(t, url)
	other, err := howdah.Open(t.Context(), p.url, howdah.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cut()
		other.Close()
	})
	return p, db, topic, other.Consumer("worker")
}
