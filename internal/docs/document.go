package docs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Document is one version of a document.
type Document struct {
	Key       string          `json:"key"`
	Doc       json.RawMessage `json:"doc"`                  // a JSON object; nil where it was deleted or is unknown
	Version   int64           `json:"version"`              // counts the changes of the key
	ValidFrom time.Time       `json:"valid_from"`           // since when it is true
	KnownAt   time.Time       `json:"known_at"`             // since when it is known
	ExpiresAt *time.Time      `json:"expires_at,omitempty"` // when it ceases to be true by itself
}

// A Querier is a pool, a connection or a transaction.
type Querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Encode renders what a caller puts: JSON as it is, anything else marshalled.
func Encode(doc any) (string, error) {
	switch d := doc.(type) {
	case json.RawMessage:
		return string(d), nil
	case []byte:
		return string(d), nil
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("marshal the document: %w", err)
	}
	return string(b), nil
}

// instant makes null of the zero time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// collect reads rows of key, doc, version, valid_from, known_at, expires_at.
func collect(rows pgx.Rows, err error) ([]Document, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Document, error) {
		var d Document
		err := row.Scan(d.fields()...)
		d.utc()
		return d, err
	})
}

func (d *Document) fields() []any {
	return []any{&d.Key, (*[]byte)(&d.Doc), &d.Version, &d.ValidFrom, &d.KnownAt, &d.ExpiresAt}
}

// utc makes all times UTC, whatever zone the program runs in.
func (d *Document) utc() {
	d.ValidFrom, d.KnownAt = d.ValidFrom.UTC(), d.KnownAt.UTC()
	if d.ExpiresAt != nil {
		*d.ExpiresAt = d.ExpiresAt.UTC()
	}
}
