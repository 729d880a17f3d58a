package objects

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // S3's entity tags are MD5
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Check reads the bytes of all objects and compares them with their size, MD5 and SHA-256. It tells of each problem, and
// after each piece how many bytes it has read.
func Check(ctx context.Context, q Querier, problem func(string), progress func(bytes int64)) error {
	for above := int64(0); ; {
		var piece, size int64
		var wantMD5, wantSHA []byte
		err := q.QueryRow(ctx, "select piece, size, md5, sha256 from howdah.next_piece($1::bigint)", above).Scan(&piece, &size, &wantMD5, &wantSHA)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		above = piece
		got, gone, err := sum(ctx, q, piece)
		if err != nil {
			return err
		}
		if !gone && (got.size != size || !bytes.Equal(got.md5, wantMD5) || !bytes.Equal(got.sha256, wantSHA)) {
			var owners string
			if err := q.QueryRow(ctx, "select howdah.owners_of_piece($1::bigint)", piece).Scan(&owners); err != nil {
				return err
			}
			problem(fmt.Sprintf("object %s: piece %d has %d bytes with SHA-256 %x, it should have %d with %x", owners, piece, got.size, got.sha256, size, wantSHA))
		}
		progress(got.size)
	}
}

type sums struct {
	size        int64
	md5, sha256 []byte
}

// sum reads a piece; gone says that it was deleted meanwhile.
func sum(ctx context.Context, q Querier, piece int64) (s sums, gone bool, err error) {
	m, h := md5.New(), sha256.New() //nolint:gosec // see above
	for seq := 0; ; seq += batch {
		rows, err := q.Query(ctx, "select data from howdah.read_chunks($1::bigint, $2::int, $3::int)", piece, seq, batch)
		if err != nil {
			return s, false, err
		}
		n := 0
		var data []byte
		_, err = pgx.ForEachRow(rows, []any{&data}, func() error {
			n++
			s.size += int64(len(data))
			_, _ = m.Write(data)
			_, _ = h.Write(data)
			return nil
		})
		if err != nil {
			var still bool
			if q.QueryRow(ctx, "select exists (select from howdah.next_piece($1::bigint) where piece = $1::bigint + 1)", piece-1).Scan(&still) == nil && !still {
				return s, true, nil
			}
			return s, false, err
		}
		if n < batch {
			s.md5, s.sha256 = m.Sum(nil), h.Sum(nil)
			return s, false, nil
		}
	}
}
