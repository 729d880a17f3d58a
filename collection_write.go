package howdah

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/docs"
)

// A PutOption states the terms of Put, Patch or Delete.
type PutOption func(*docs.Terms)

// ValidFrom says since when the version is true, instead of from now on. A time before the newest version's adds to the history
// what became known late, and leaves the newest version as it is.
func ValidFrom(t time.Time) PutOption { return func(o *docs.Terms) { o.ValidFrom = t } }

// IfVersion writes only if the document has that version now, else ErrVersion; 0: only if there is none.
func IfVersion(v int64) PutOption { return func(o *docs.Terms) { o.IfVersion = &v } }

// ExpiresAt says when the document ceases to be true by itself. Only for Put.
func ExpiresAt(t time.Time) PutOption { return func(o *docs.Terms) { o.ExpiresAt = t } }

// KnownAt states when the version became known, in a collection with GivenTimes; for each key in ascending order.
func KnownAt(t time.Time) PutOption { return func(o *docs.Terms) { o.KnownAt = t } }

func terms(options []PutOption) (o docs.Terms) {
	for _, f := range options {
		f(&o)
	}
	return o
}

// Put stores a document under its key and returns its version: how often the key has changed. doc is marshalled to a JSON
// object; a json.RawMessage or []byte is taken as it is.
func (c *Collection) Put(ctx context.Context, key string, doc any, options ...PutOption) (version int64, err error) {
	return c.put(ctx, c.db.pool, key, doc, options)
}

// PutTx stores a document in the caller's transaction.
func (c *Collection) PutTx(ctx context.Context, tx pgx.Tx, key string, doc any, options ...PutOption) (version int64, err error) {
	return c.put(ctx, tx, key, doc, options)
}

func (c *Collection) put(ctx context.Context, q docs.Querier, key string, doc any, options []PutOption) (int64, error) {
	body, err := docs.Encode(doc)
	if err != nil {
		return 0, c.invalid("put", key, err)
	}
	version, err := docs.Put(ctx, q, c.name, key, body, terms(options))
	return version, wrap(err, "put %q into %s", key, c.name)
}

// PutMany stores documents, all of them or none, and is much faster than many calls. Of each, Key, Doc, ExpiresAt and, where
// they are set, ValidFrom and (with GivenTimes) KnownAt count. A key may come more than once: its versions are put in that order.
func (c *Collection) PutMany(ctx context.Context, documents ...Document) error {
	if docs.OneChunk(documents) {
		return wrap(docs.PutMany(ctx, c.db.pool, c.name, documents), "put %d documents into %s", len(documents), c.name)
	}
	return wrap(pgx.BeginFunc(ctx, c.db.pool, func(tx pgx.Tx) error {
		return docs.PutMany(ctx, tx, c.name, documents)
	}), "put %d documents into %s", len(documents), c.name)
}

// PutManyTx stores documents in the caller's transaction.
func (c *Collection) PutManyTx(ctx context.Context, tx pgx.Tx, documents ...Document) error {
	return wrap(docs.PutMany(ctx, tx, c.name, documents), "put %d documents into %s", len(documents), c.name)
}

// Patch merges a patch into a document (RFC 7396: members replace, null removes, objects merge) and returns its version. It is
// ErrNotFound where there is no document.
func (c *Collection) Patch(ctx context.Context, key string, patch any, options ...PutOption) (version int64, err error) {
	return c.patch(ctx, c.db.pool, key, patch, options)
}

// PatchTx merges a patch in the caller's transaction.
func (c *Collection) PatchTx(ctx context.Context, tx pgx.Tx, key string, patch any, options ...PutOption) (version int64, err error) {
	return c.patch(ctx, tx, key, patch, options)
}

func (c *Collection) patch(ctx context.Context, q docs.Querier, key string, patch any, options []PutOption) (int64, error) {
	body, err := docs.Encode(patch)
	if err != nil {
		return 0, c.invalid("patch", key, err)
	}
	version, err := docs.Patch(ctx, q, c.name, key, body, terms(options))
	if err == nil && version == 0 {
		return 0, c.missing("patch", key)
	}
	return version, wrap(err, "patch %q of %s", key, c.name)
}

// Delete deletes a document; false: there is none. Its history stays.
func (c *Collection) Delete(ctx context.Context, key string, options ...PutOption) (bool, error) {
	done, err := docs.Delete(ctx, c.db.pool, c.name, key, terms(options))
	return done, wrap(err, "delete %q of %s", key, c.name)
}

// DeleteTx deletes a document in the caller's transaction.
func (c *Collection) DeleteTx(ctx context.Context, tx pgx.Tx, key string, options ...PutOption) (bool, error) {
	done, err := docs.Delete(ctx, tx, c.name, key, terms(options))
	return done, wrap(err, "delete %q of %s", key, c.name)
}

func (c *Collection) invalid(op, key string, err error) error {
	return fmt.Errorf("%s %q of %s: %w: %w", op, key, c.name, ErrInvalid, err)
}

func (c *Collection) missing(op, key string) error {
	return fmt.Errorf("%s: no document %q in collection %s: %w", op, key, c.name, ErrNotFound)
}

// Load stores documents as PutMany does, and is faster where their keys are new: it copies them, and puts them where that finds
// a key that is there.
func (c *Collection) Load(ctx context.Context, documents ...Document) error {
	err := pgx.BeginFunc(ctx, c.db.pool, func(tx pgx.Tx) error { return docs.Copy(ctx, tx, c.name, documents) })
	if docs.IsThere(err) {
		return c.PutMany(ctx, documents...)
	}
	return wrap(err, "load %d documents into %s", len(documents), c.name)
}
