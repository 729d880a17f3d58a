package objects

import (
	"context"
	"crypto/md5" //nolint:gosec // S3's entity tags are MD5
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Chunk is the size of a chunk row; howdah.put_object and howdah.check_objects know it too.
const Chunk = 256 << 10

// batch is how many chunks go in one call.
const batch = 8

// A Querier is a pool of connections, or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Store keeps the buffers. Its zero value is ready.
type Store struct{ buffers sync.Pool }

// ErrShort is a body that ended before its announced size.
var ErrShort = errors.New("the body is shorter than announced")

// ErrLong is a body that goes on after its announced size.
var ErrLong = errors.New("the body is longer than announced")

// source reads a body in chunks, hashing what goes by.
type source struct {
	store  *Store
	body   io.Reader
	want   int64 // announced size, or less than 0
	size   int64
	md5    hash.Hash
	sha256 hash.Hash
	done   bool
}

func (s *Store) source(body io.Reader, size int64) *source {
	return &source{store: s, body: body, want: size, md5: md5.New(), sha256: sha256.New()} //nolint:gosec // see above
}

// next reads up to a batch of chunks. After the last one done is set, and the size is as announced.
func (s *source) next() (chunks [][]byte, err error) {
	for len(chunks) < batch && !s.done {
		b := s.store.buffer(s.want - s.size)
		n, err := io.ReadFull(s.body, b)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.done = true
		case err != nil:
			s.store.give(append(chunks, b))
			return nil, fmt.Errorf("read the body: %w", err)
		}
		if n == 0 {
			s.store.give([][]byte{b})
			break
		}
		s.size += int64(n)
		_, _ = s.md5.Write(b[:n])
		_, _ = s.sha256.Write(b[:n])
		chunks = append(chunks, b[:n])
	}
	if s.want >= 0 && (s.size > s.want || s.done && s.size < s.want) {
		s.store.give(chunks)
		if s.size > s.want {
			return nil, ErrLong
		}
		return nil, fmt.Errorf("%w: %d bytes of %d", ErrShort, s.size, s.want)
	}
	return chunks, nil
}

func (s *source) finish(p *Put) ([]byte, error) {
	p.MD5, p.SHA256 = hex.EncodeToString(s.md5.Sum(nil)), hex.EncodeToString(s.sha256.Sum(nil))
	if p.Ending != nil {
		if err := p.Ending(p); err != nil {
			return nil, err
		}
	}
	return json.Marshal(p)
}

// buffer is one chunk long, or a little longer than what is left of a small object, so that its end is seen.
func (s *Store) buffer(left int64) []byte {
	if left >= 0 && left < Chunk/4 {
		return make([]byte, left+1)
	}
	if b, ok := s.buffers.Get().(*[]byte); ok {
		return (*b)[:Chunk]
	}
	return make([]byte, Chunk)
}

func (s *Store) give(chunks [][]byte) {
	for _, c := range chunks {
		if cap(c) >= Chunk {
			c = c[:Chunk]
			s.buffers.Put(&c)
		}
	}
}

// Put stores an object. It becomes visible as a whole, when everything is there, or not at all.
func (s *Store) Put(ctx context.Context, q Querier, bucket, key string, body io.Reader, p Put) (Info, error) {
	in := s.source(body, p.Size)
	first, err := in.next()
	if err != nil {
		return Info{}, err
	}
	if in.done {
		defer s.give(first)
		info, err := in.finish(&p)
		if err != nil {
			return Info{}, err
		}
		return one(ctx, q, "select howdah.store_object($1::text, $2::text, $3::bytea[], $4::jsonb)", bucket, key, notNil(first), string(info))
	}
	var stored Info
	err = s.write(ctx, q, bucket, in, first, func(piece int64) error {
		info, err := in.finish(&p)
		if err != nil {
			return err
		}
		stored, err = one(ctx, q, "select howdah.finish_object($1::text, $2::text, $3::bigint, $4::bigint, $5::jsonb)", bucket, key, piece, in.size, string(info))
		return err
	})
	return stored, err
}

// write writes all of a body into a piece and has it named; what fails is let go of at once.
func (s *Store) write(ctx context.Context, q Querier, bucket string, in *source, first [][]byte, name func(piece int64) error) error {
	var piece int64
	if err := q.QueryRow(ctx, "select howdah.begin_piece($1::text)", bucket).Scan(&piece); err != nil {
		s.give(first)
		return err
	}
	err := s.writeChunks(ctx, q, piece, in, first)
	if err == nil {
		err = name(piece)
	}
	if _, inTx := q.(pgx.Tx); err != nil && !inTx { // a transaction takes everything back by itself
		clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = q.Exec(clean, "select howdah.abandon_piece($1::bigint)", piece)
	}
	return err
}

// writeChunks reads the next batch while the last one is on its way to the database.
func (s *Store) writeChunks(ctx context.Context, q Querier, piece int64, in *source, first [][]byte) error {
	_, inTx := q.(pgx.Tx)
	seq := 0
	for chunks := first; len(chunks) > 0; {
		written := make(chan error, 1)
		go func() {
			_, err := q.Exec(ctx, "select howdah.write_chunks($1::bigint, $2::int, $3::bytea[], $4::boolean)", piece, seq, chunks, !inTx)
			written <- err
		}()
		next, err := in.next()
		failed := <-written
		s.give(chunks)
		if err != nil || failed != nil {
			s.give(next)
			return errors.Join(err, failed)
		}
		seq += len(chunks)
		chunks = next
	}
	return nil
}

func one(ctx context.Context, q Querier, sql string, args ...any) (Info, error) {
	var b []byte
	if err := q.QueryRow(ctx, sql, args...).Scan(&b); err != nil {
		return Info{}, err
	}
	return decode(b)
}

func notNil(chunks [][]byte) [][]byte {
	if chunks == nil {
		return [][]byte{}
	}
	return chunks
}
