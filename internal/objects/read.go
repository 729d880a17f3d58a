package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Reader reads an object: the one that was there when it was opened, to its end, whatever happens to it meanwhile. It is
// for one goroutine.
type Reader struct {
	ctx    context.Context
	cancel context.CancelFunc
	store  *Store
	q      Querier
	ahead  bool // read the next batch while the last one is used, from its second chunk on
	info   Info

	whole  [][]byte // the chunks of a small object
	pieces []int64
	ends   []int64 // where each piece ends
	pos    int64
	chunks [][]byte // what was read and begins at pos
	held   [][]byte // the buffers that chunks are parts of, of a big object
	next   chan result
	nextAt int64
	batch  int64 // how many chunks come next: one at first, for who reads a little, then more and more
}

type result struct {
	chunks [][]byte
	err    error
}

// Open opens an object, or with a version that version of it.
func (s *Store) Open(ctx context.Context, q Querier, bucket, key, version string) (*Reader, error) {
	rows, err := q.Query(ctx, "select info, data, pieces, sizes from howdah.open_object($1::text, $2::text, $3::text, true)", bucket, key, orNull(version))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var i Info
	var whole [][]byte
	var pieces, sizes []int64
	var got int64
	for first := true; rows.Next(); first = false {
		var info []byte
		var data pgtype.DriverBytes // until the next row
		if err := rows.Scan(&info, &data, &pieces, &sizes); err != nil {
			return nil, err
		}
		if first {
			if i, err = decode(info); err != nil {
				return nil, err
			}
		}
		if len(data) > 0 {
			whole = append(whole, s.keep(data))
			got += int64(len(data))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if pieces == nil && got != i.Size || len(pieces) != len(sizes) {
		return nil, fmt.Errorf("object %s/%s has %d bytes of %d: `howdah check` says more", bucket, key, got, i.Size)
	}
	_, inTx := q.(pgx.Tx)
	r := &Reader{store: s, q: q, ahead: !inTx, info: i, pieces: pieces, batch: 1}
	r.ctx, r.cancel = context.WithCancel(ctx)
	var end int64
	for _, n := range sizes {
		end += n
		r.ends = append(r.ends, end)
	}
	if pieces == nil { // small: it is all here
		r.whole, r.ahead = whole, false
	}
	return r, nil
}

// Info is what is known about the object.
func (r *Reader) Info() Info { return r.info }

// Read reads on.
func (r *Reader) Read(p []byte) (int, error) {
	b, err := r.some()
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	r.skip(n)
	return n, nil
}

// WriteTo writes the rest of the object.
func (r *Reader) WriteTo(w io.Writer) (n int64, err error) {
	for {
		b, err := r.some()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		m, err := w.Write(b)
		n += int64(m)
		r.skip(m)
		if err != nil {
			return n, err
		}
	}
}

// some gives what comes next, at least one byte.
func (r *Reader) some() ([]byte, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	if r.pos >= r.info.Size {
		return nil, io.EOF
	}
	if len(r.chunks) == 0 {
		if r.nextAt != r.pos {
			r.drop()
		}
		if r.next == nil {
			r.fetch(r.pos)
		}
		got := <-r.next
		r.next = nil
		if got.err != nil {
			return nil, fmt.Errorf("read object %s/%s: %w", r.info.Bucket, r.info.Key, got.err)
		}
		if r.pieces != nil {
			r.store.give(r.held)
			r.held = append([][]byte(nil), got.chunks...)
		}
		r.chunks = got.chunks
	}
	return r.chunks[0], nil
}

func (r *Reader) skip(n int) {
	r.pos += int64(n)
	r.chunks[0] = r.chunks[0][n:]
	if len(r.chunks[0]) > 0 {
		return
	}
	r.chunks = r.chunks[1:]
	after := r.pos
	for _, c := range r.chunks {
		after += int64(len(c))
	}
	if r.ahead && r.next == nil && after < r.info.Size {
		r.fetch(after)
	}
}

// fetch begins to read a batch that starts at a position.
func (r *Reader) fetch(pos int64) {
	next := make(chan result, 1)
	r.next, r.nextAt = next, pos
	n := r.batch
	r.batch = min(2*n, batch)
	read := func() {
		chunks, err := r.read(pos, n)
		next <- result{chunks, err}
	}
	if r.ahead {
		go read()
	} else {
		read()
	}
}

func (r *Reader) read(pos, n int64) ([][]byte, error) {
	if r.pieces == nil {
		return append([][]byte{r.whole[pos/Chunk][pos%Chunk:]}, r.whole[pos/Chunk+1:]...), nil
	}
	i := sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > pos })
	start := int64(0)
	if i > 0 {
		start = r.ends[i-1]
	}
	seq := (pos - start) / Chunk
	rows, err := r.q.Query(r.ctx, "select data from howdah.read_chunks($1::bigint, $2::int, $3::int)", r.pieces[i], seq, n)
	if err != nil {
		return nil, err
	}
	var chunks [][]byte
	var data pgtype.DriverBytes
	if _, err := pgx.ForEachRow(rows, []any{&data}, func() error {
		chunks = append(chunks, r.store.keep(data))
		return nil
	}); err != nil {
		return nil, err
	}
	want := min(r.ends[i]-start-seq*Chunk, n*Chunk)
	for _, c := range chunks {
		want -= int64(len(c))
	}
	if want != 0 || len(chunks) == 0 {
		return nil, errors.New("bytes are missing: `howdah check` says more")
	}
	chunks[0] = chunks[0][pos-start-seq*Chunk:]
	return chunks, nil
}

// Seek moves to where the next Read begins.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.info.Size
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d: before the beginning", offset)
	}
	if offset == r.pos {
		return offset, nil
	}
	r.pos, r.chunks, r.batch = offset, nil, 1
	return offset, nil
}

// drop waits for the batch under way, if any: a query that is cancelled would take its connection along.
func (r *Reader) drop() {
	if r.next != nil {
		r.store.give((<-r.next).chunks)
		r.next = nil
	}
}

// Close waits for what is under way, and gives the buffers back.
func (r *Reader) Close() error {
	r.drop()
	r.cancel()
	r.store.give(r.whole)
	r.store.give(r.held)
	r.whole, r.held, r.chunks = nil, nil, nil
	return nil
}

// keep copies what is only there until the next row.
func (s *Store) keep(data []byte) []byte {
	if len(data) > Chunk {
		return append([]byte(nil), data...)
	}
	b := s.buffer(int64(len(data)))
	return b[:copy(b, data)]
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
