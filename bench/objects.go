package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/s3"
)

const (
	objectWorkers = 4
	rawTable      = `create table plain.chunk (id bigint, seq int, data bytea not null, primary key (id, seq));
		alter table plain.chunk alter column data set storage external`
	rawPut = "insert into plain.chunk select $1::bigint, d.n - 1, d.x from unnest($2::bytea[]) with ordinality d (x, n)"
	rawGet = "select data from plain.chunk where id = $1::bigint order by seq"
)

// objects compares S3 with chunk rows that are written and read without it, and without names: 1 MiB in bytes a second,
// 4 KiB in operations a second. Everything, the clients too, shares the machine.
func (b *bench) objects(ctx context.Context) error {
	server, err := s3.Start(s3.Config{DB: b.db, Addr: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	key, err := b.db.CreateAccessKey(ctx, "bench", nil)
	if err != nil {
		return err
	}
	bucket, err := b.db.CreateBucket(ctx, "bench")
	if err != nil {
		return err
	}
	if err := b.exec(ctx, rawTable); err != nil {
		return err
	}
	c := &s3Client{buffers: sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }},
		url: server.URL(), keys: aws.Credentials{AccessKeyID: key.AccessKey, SecretAccessKey: key.SecretKey}, signer: v4.NewSigner(),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: objectWorkers, WriteBufferSize: 256 << 10, ReadBufferSize: 64 << 10}}}
	for _, size := range []int{1 << 20, 4 << 10} {
		if err := b.objectsOf(ctx, c, bucket, size); err != nil {
			return err
		}
	}
	if err := b.exec(ctx, "drop table plain.chunk"); err != nil {
		return err
	}
	for o, err := range bucket.List(ctx, "") {
		if err == nil {
			_, err = bucket.Delete(ctx, o.Key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) objectsOf(ctx context.Context, c *s3Client, bucket *howdah.Bucket, size int) error {
	body := make([]byte, size)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(body)
	var chunks [][]byte
	for rest := body; len(rest) > 0; rest = rest[min(len(rest), 256<<10):] {
		chunks = append(chunks, rest[:min(len(rest), 256<<10)])
	}
	// What is read was put before the first round. Ids of the two sizes do not meet.
	var raw, named atomic.Int64
	raw.Store(int64(size) << 32)
	const there = 64
	first := raw.Load()
	for range there {
		if err := b.exec(ctx, rawPut, raw.Add(1), chunks); err != nil {
			return err
		}
		if _, err := bucket.Put(ctx, fmt.Sprintf("%d/%d", size, named.Add(1)), bytes.NewReader(body)); err != nil {
			return err
		}
	}
	step := func(f func(context.Context, *pgxpool.Conn) error) func(context.Context) (float64, error) {
		return func(ctx context.Context) (float64, error) {
			return b.parallel(ctx, objectWorkers, b.o.Round, func(ctx context.Context, conn *pgxpool.Conn) (int, error) { return 1, f(ctx, conn) })
		}
	}
	some := func() int64 { return 1 + rand.Int64N(there) }
	memory, stopMemory, err := serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = w.Write(body)
	})
	if err != nil {
		return err
	}
	defer stopMemory()
	bare, stopBare, err := serve(func(w http.ResponseWriter, r *http.Request) {
		o, err := bucket.Open(r.Context(), r.URL.Path[1:])
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer func() { _ = o.Close() }()
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = o.WriteTo(w)
	})
	if err != nil {
		return err
	}
	defer stopBare()
	chunked, stopChunked, err := serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		rows, err := b.pool.Query(r.Context(), rawGet, first+some())
		if err != nil {
			return // the answer is short
		}
		defer rows.Close()
		for rows.Next() {
			_, _ = w.Write(rows.RawValues()[0])
		}
	})
	if err != nil {
		return err
	}
	defer stopChunked()
	got, err := b.interleave(ctx, []arm{
		{"s3 put", step(func(ctx context.Context, _ *pgxpool.Conn) error {
			return c.do(ctx, http.MethodPut, fmt.Sprintf("/bench/%d/%d", size, named.Add(1)), body)
		})},
		{"raw put", step(func(ctx context.Context, conn *pgxpool.Conn) error {
			_, err := conn.Exec(ctx, rawPut, raw.Add(1), chunks)
			return err
		})},
		{"go put", step(func(ctx context.Context, _ *pgxpool.Conn) error {
			_, err := bucket.Put(ctx, fmt.Sprintf("%d/%d", size, named.Add(1)), bytes.NewReader(body))
			return err
		})},
		{"s3 get", step(func(ctx context.Context, _ *pgxpool.Conn) error {
			return c.do(ctx, http.MethodGet, fmt.Sprintf("/bench/%d/%d", size, some()), nil)
		})},
		{"raw get", step(func(ctx context.Context, conn *pgxpool.Conn) error {
			rows, err := conn.Query(ctx, rawGet, first+some())
			if err != nil {
				return err
			}
			defer rows.Close()
			n := 0
			for rows.Next() {
				n += len(rows.RawValues()[0])
			}
			if err := rows.Err(); err != nil || n != size {
				return fmt.Errorf("%d bytes of %d, %w", n, size, err)
			}
			return nil
		})},
		{"memory get", step(func(ctx context.Context, _ *pgxpool.Conn) error { return c.plain(ctx, memory) })},
		{"http get", step(func(ctx context.Context, _ *pgxpool.Conn) error {
			return c.plain(ctx, fmt.Sprintf("%s/%d/%d", bare, size, some()))
		})},
		{"raw http get", step(func(ctx context.Context, _ *pgxpool.Conn) error { return c.plain(ctx, chunked) })},
		{"go get", step(func(ctx context.Context, _ *pgxpool.Conn) error {
			o, err := bucket.Open(ctx, fmt.Sprintf("%d/%d", size, some()))
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, o)
			return errors.Join(err, o.Close())
		})},
	})
	if err != nil {
		return err
	}
	unit, what, put, get := " MB/s", "1 MiB", atLeast(0.6), atLeast(0.7)
	if size < 1<<20 {
		unit, what, put, get = " op/s", "4 KiB", nil, nil
	} else {
		for _, rates := range got {
			for i := range rates {
				rates[i] *= float64(size) / 1e6
			}
		}
	}
	what += fmt.Sprintf(", %d at once, ", objectWorkers)
	b.compare("objects", what+"S3 put", unit, got["s3 put"], "raw chunks", got["raw put"], put)
	b.compare("objects", what+"S3 get", unit, got["s3 get"], "raw chunks", got["raw get"], get)
	b.compare("objects", what+"Go put", unit, got["go put"], "raw chunks", got["raw put"], nil)
	b.compare("objects", what+"Go get", unit, got["go get"], "raw chunks", got["raw get"], nil)
	// What the way to the client costs without S3, without objects, and without the database.
	b.compare("objects", what+"net/http get", unit, got["http get"], "raw chunks", got["raw get"], nil)
	b.compare("objects", what+"net/http get of raw chunks", unit, got["raw http get"], "raw chunks", got["raw get"], nil)
	b.compare("objects", what+"net/http get from memory", unit, got["memory get"], "raw chunks", got["raw get"], nil)
	return nil
}

// s3Client signs the request and not the body, as clients do over TLS; it reads answers to their end.
type s3Client struct {
	url    string
	keys   aws.Credentials
	signer *v4.Signer
	http   *http.Client

	buffers sync.Pool
}

func (c *s3Client) do(ctx context.Context, method, path string, body []byte) error {
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, in)
	if err != nil {
		return err
	}
	const unsigned = "UNSIGNED-PAYLOAD"
	r.Header.Set("X-Amz-Content-Sha256", unsigned)
	if err := c.signer.SignHTTP(ctx, c.keys, r, unsigned, "s3", s3.Region, time.Now()); err != nil {
		return err
	}
	return c.answer(r)
}

// plain gets from a server that does not look at signatures.
func (c *s3Client) plain(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return c.answer(r)
}

// answer reads an answer to its end.
func (c *s3Client) answer(r *http.Request) error {
	resp, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	buf := c.buffers.Get().(*[]byte) // io.Discard alone would read 8 KiB at a time
	defer c.buffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, resp.Body, *buf)
	if err == nil && (resp.StatusCode != http.StatusOK || r.Method == http.MethodGet && n != resp.ContentLength) {
		err = fmt.Errorf("%s %s: %s, %d bytes", r.Method, r.URL.Path, resp.Status, n)
	}
	return err
}

// serve answers on a port of its own with nothing but net/http in between.
func serve(answer http.HandlerFunc) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: answer}
	go func() { _ = server.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = server.Close() }, nil
}
