package docs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Terms are the terms of a write; all zero is: from now on, whatever is there.
type Terms struct {
	ValidFrom time.Time
	KnownAt   time.Time
	ExpiresAt time.Time
	IfVersion *int64
}

// Put stores a document and returns its version.
func Put(ctx context.Context, q Querier, collection, key, doc string, t Terms) (version int64, err error) {
	err = q.QueryRow(ctx, "select howdah.put($1::text, $2::text, $3::jsonb, $4::timestamptz, $5::bigint, $6::timestamptz, $7::timestamptz)",
		collection, key, doc, instant(t.ValidFrom), t.IfVersion, instant(t.ExpiresAt), instant(t.KnownAt)).Scan(&version)
	return version, err
}

// Patch merges a patch into a document and returns its version, 0 where there is none.
func Patch(ctx context.Context, q Querier, collection, key, patch string, t Terms) (int64, error) {
	var version *int64
	err := q.QueryRow(ctx, "select howdah.patch($1::text, $2::text, $3::jsonb, $4::timestamptz, $5::bigint, $6::timestamptz)",
		collection, key, patch, instant(t.ValidFrom), t.IfVersion, instant(t.KnownAt)).Scan(&version)
	if err != nil || version == nil {
		return 0, err
	}
	return *version, nil
}

// Delete deletes a document and tells whether it was there.
func Delete(ctx context.Context, q Querier, collection, key string, t Terms) (done bool, err error) {
	err = q.QueryRow(ctx, "select howdah.delete($1::text, $2::text, $3::timestamptz, $4::bigint, $5::timestamptz)",
		collection, key, instant(t.ValidFrom), t.IfVersion, instant(t.KnownAt)).Scan(&done)
	return done, err
}

// One call of howdah.put_many takes so much.
const (
	chunkDocuments = 5000
	chunkBytes     = 8 << 20
)

// PutMany stores documents in one transaction, which the caller has to open where they are more than one chunk.
func PutMany(ctx context.Context, q Querier, collection string, documents []Document) error {
	for len(documents) > 0 {
		n, size := 0, 0
		for n < len(documents) && n < chunkDocuments && (n == 0 || size+len(documents[n].Doc) <= chunkBytes) {
			size += len(documents[n].Doc)
			n++
		}
		if err := putChunk(ctx, q, collection, documents[:n]); err != nil {
			return err
		}
		documents = documents[n:]
	}
	return nil
}

// OneChunk tells whether PutMany needs one statement only.
func OneChunk(documents []Document) bool {
	size := 0
	for i := range documents {
		size += len(documents[i].Doc)
	}
	return len(documents) <= chunkDocuments && size <= chunkBytes
}

func putChunk(ctx context.Context, q Querier, collection string, documents []Document) error {
	keys, bodies := make([]string, len(documents)), make([]string, len(documents))
	var valid, known, expires []*time.Time // null where no document has one
	for i, d := range documents {
		keys[i], bodies[i] = d.Key, string(d.Doc)
		if !d.ValidFrom.IsZero() && valid == nil {
			valid = make([]*time.Time, len(documents))
		}
		if !d.KnownAt.IsZero() && known == nil {
			known = make([]*time.Time, len(documents))
		}
		if d.ExpiresAt != nil && expires == nil {
			expires = make([]*time.Time, len(documents))
		}
	}
	for i := range documents {
		if valid != nil {
			valid[i] = instant(documents[i].ValidFrom)
		}
		if known != nil {
			known[i] = instant(documents[i].KnownAt)
		}
		if expires != nil {
			expires[i] = documents[i].ExpiresAt
		}
	}
	_, err := q.Exec(ctx, `select howdah.put_many($1::text, $2::text[], $3::text[]::jsonb[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[])`,
		collection, keys, bodies, valid, expires, known)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "22P02" {
		for _, d := range documents {
			if !json.Valid(d.Doc) {
				return fmt.Errorf("document %q: %w", d.Key, err)
			}
		}
	}
	return err
}
