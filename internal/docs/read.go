package docs

import (
	"context"
	"encoding/json"
	"time"
)

// When says of what time, and known when, documents are read; all zero is now.
type When struct {
	AsOf    time.Time // what was known then about then
	ValidAt time.Time // what is known now about then
	KnownBy time.Time // with ValidAt: what was known at that time
}

// Read returns the documents of keys; those that do not exist are left out.
func Read(ctx context.Context, q Querier, collection string, keys []string, when When) ([]Document, error) {
	return collect(q.Query(ctx, `select key, doc, version, valid_from, known_at, expires_at
		from howdah.read_documents($1::text, $2::text[], $3::timestamptz, $4::timestamptz, coalesce($5::timestamptz, 'infinity'))`,
		collection, keys, instant(when.AsOf), instant(when.ValidAt), instant(when.KnownBy)))
}

// ReadOne returns the newest version of a document; found is false where there is none.
func ReadOne(ctx context.Context, q Querier, collection, key string) (d Document, found bool, err error) {
	var doc []byte
	var version *int64
	var valid, known *time.Time
	err = q.QueryRow(ctx, "select doc, version, valid_from, known_at, expires_at from howdah.get_document($1::text, $2::text)", collection, key).
		Scan(&doc, &version, &valid, &known, &d.ExpiresAt)
	if err != nil || version == nil {
		return Document{}, false, err
	}
	d.Key, d.Doc, d.Version, d.ValidFrom, d.KnownAt = key, doc, *version, *valid, *known
	d.utc()
	return d, true, nil
}

// Scan returns a page of documents whose keys start with prefix, after a key.
func Scan(ctx context.Context, q Querier, collection, prefix, after string, limit int) ([]Document, error) {
	return collect(q.Query(ctx, `select key, doc, version, valid_from, known_at, expires_at
		from howdah.scan($1::text, $2::text, $3::text, $4::int)`, collection, prefix, after, limit))
}

// Find returns a page of documents that contain a value, after a key.
func Find(ctx context.Context, q Querier, collection, contains, after string, limit int) ([]Document, error) {
	return collect(q.Query(ctx, `select key, doc, version, valid_from, known_at, expires_at
		from howdah.find($1::text, $2::jsonb, $3::text, $4::int)`, collection, contains, after, limit))
}

// History returns every version of a document, the one known last first.
func History(ctx context.Context, q Querier, collection, key string) ([]Document, error) {
	return collect(q.Query(ctx, `select $2::text, doc, version, valid_from, known_at, expires_at
		from howdah.history($1::text, $2::text)`, collection, key))
}

// Info is a collection as howdah.collections shows it.
type Info struct {
	Collection   string    `json:"collection"`
	Documents    int64     `json:"documents"` // estimated
	Versions     int64     `json:"versions"`  // estimated
	Bytes        int64     `json:"bytes"`
	HistoryBytes int64     `json:"history_bytes"`
	Changes      string    `json:"changes,omitempty"` // the topic of its changes
	Indexed      bool      `json:"indexed"`           // for Find
	KnownAt      string    `json:"known_at"`          // clock or given
	CreatedAt    time.Time `json:"created_at"`
}

// List returns all collections, or the one of that name.
func List(ctx context.Context, q Querier, name string) ([]Info, error) {
	rows, err := q.Query(ctx, `select collection, documents, versions, bytes, history_bytes, coalesce(changes, ''), indexed, known_at, created_at
		from howdah.collections where $1 in ('', collection) order by collection`, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Info{}
	for rows.Next() {
		var i Info
		if err := rows.Scan(&i.Collection, &i.Documents, &i.Versions, &i.Bytes, &i.HistoryBytes, &i.Changes, &i.Indexed, &i.KnownAt, &i.CreatedAt); err != nil {
			return nil, err
		}
		i.CreatedAt = i.CreatedAt.UTC()
		all = append(all, i)
	}
	return all, rows.Err()
}

// JoinAsOf returns, for each key and its time, what was known then about then, or with knownBy what was known at knownBy. An
// unknown one has no Doc. A ttl of 0 is no limit.
func JoinAsOf(ctx context.Context, q Querier, collection string, keys []string, times []time.Time, ttl time.Duration, knownBy time.Time) ([]Document, error) {
	found := make([]Document, len(keys))
	for i, key := range keys {
		found[i].Key = key
	}
	var limit any
	if ttl != 0 {
		limit = ttl
	}
	rows, err := q.Query(ctx, `select place, doc, version, valid_from, known_at, expires_at
		from howdah.join_as_of($1::text, $2::text[], $3::timestamptz[], $4::interval, $5::timestamptz)`,
		collection, keys, times, limit, instant(knownBy))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var place int64
	var doc []byte
	for rows.Next() {
		var d Document
		if err := rows.Scan(&place, &doc, &d.Version, &d.ValidFrom, &d.KnownAt, &d.ExpiresAt); err != nil {
			return nil, err
		}
		d.Key, d.Doc = keys[place-1], json.RawMessage(doc)
		d.utc()
		doc = nil
		found[place-1] = d
	}
	return found, rows.Err()
}
