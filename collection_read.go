package howdah

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/docs"
)

// A GetOption says of what time documents are read.
type GetOption func(*docs.When)

// AsOf asks what was known at t of what was true at t.
func AsOf(t time.Time) GetOption { return func(o *docs.When) { o.AsOf = t } }

// ValidAt asks what is known now of what was true at t.
func ValidAt(t time.Time) GetOption { return func(o *docs.When) { o.ValidAt = t } }

// KnownBy asks, together with ValidAt, what was known at t instead of now.
func KnownBy(t time.Time) GetOption { return func(o *docs.When) { o.KnownBy = t } }

func when(options []GetOption) (o docs.When) {
	for _, f := range options {
		f(&o)
	}
	return o
}

// Get returns a document: the newest version, or what AsOf or ValidAt ask for. It is ErrNotFound where there is none.
func (c *Collection) Get(ctx context.Context, key string, options ...GetOption) (Document, error) {
	return c.get(ctx, c.db.pool, key, options)
}

// GetTx returns a document as the caller's transaction sees it.
func (c *Collection) GetTx(ctx context.Context, tx pgx.Tx, key string, options ...GetOption) (Document, error) {
	return c.get(ctx, tx, key, options)
}

func (c *Collection) get(ctx context.Context, q docs.Querier, key string, options []GetOption) (Document, error) {
	w := when(options)
	if w == (docs.When{}) {
		d, found, err := docs.ReadOne(ctx, q, c.name, key)
		if err == nil && !found {
			err = c.missing("get", key)
		} else {
			err = wrap(err, "get %q of %s", key, c.name)
		}
		return d, err
	}
	found, err := docs.Read(ctx, q, c.name, []string{key}, w)
	if err != nil {
		return Document{}, wrap(err, "get %q of %s", key, c.name)
	}
	if len(found) == 0 {
		return Document{}, c.missing("get", key)
	}
	return found[0], nil
}

// GetMany returns the documents of many keys in one look; keys without one are left out.
func (c *Collection) GetMany(ctx context.Context, keys []string, options ...GetOption) (map[string]Document, error) {
	return c.getMany(ctx, c.db.pool, keys, options)
}

// GetManyTx returns documents as the caller's transaction sees them.
func (c *Collection) GetManyTx(ctx context.Context, tx pgx.Tx, keys []string, options ...GetOption) (map[string]Document, error) {
	return c.getMany(ctx, tx, keys, options)
}

func (c *Collection) getMany(ctx context.Context, q docs.Querier, keys []string, options []GetOption) (map[string]Document, error) {
	found, err := docs.Read(ctx, q, c.name, keys, when(options))
	if err != nil {
		return nil, wrap(err, "get %d documents of %s", len(keys), c.name)
	}
	byKey := make(map[string]Document, len(found))
	for _, d := range found {
		byKey[d.Key] = d
	}
	return byKey, nil
}

// page is how many documents Scan and Find read at a time.
const page = 1000

// Scan returns the documents whose keys start with prefix, in the order of their keys (by bytes), read in pages: each page is
// what is there when it is read.
func (c *Collection) Scan(ctx context.Context, prefix string) iter.Seq2[Document, error] {
	return c.pages("scan", func(after string) ([]Document, error) {
		return docs.Scan(ctx, c.db.pool, c.name, prefix, after, page)
	})
}

// ScanPage returns the first documents whose keys start with prefix and lie after a key, at most limit.
func (c *Collection) ScanPage(ctx context.Context, prefix, after string, limit int) ([]Document, error) {
	found, err := docs.Scan(ctx, c.db.pool, c.name, prefix, after, limit)
	return found, wrap(err, "scan %s", c.name)
}

// Find returns the documents that contain a value, such as {"city": "Milwaukee"}, in the order of their keys, read in pages as
// Scan does. CreateIndex makes it fast.
func (c *Collection) Find(ctx context.Context, contains any) iter.Seq2[Document, error] {
	body, err := docs.Encode(contains)
	return c.pages("find in", func(after string) ([]Document, error) {
		if err != nil {
			return nil, err
		}
		return docs.Find(ctx, c.db.pool, c.name, body, after, page)
	})
}

// FindPage returns the first documents that contain a value and whose keys lie after a key, at most limit.
func (c *Collection) FindPage(ctx context.Context, contains json.RawMessage, after string, limit int) ([]Document, error) {
	found, err := docs.Find(ctx, c.db.pool, c.name, string(contains), after, limit)
	return found, wrap(err, "find in %s", c.name)
}

func (c *Collection) pages(op string, read func(after string) ([]Document, error)) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for after := ""; ; {
			found, err := read(after)
			if err != nil {
				yield(Document{}, wrap(err, "%s %s", op, c.name))
				return
			}
			for _, d := range found {
				if !yield(d, nil) {
					return
				}
			}
			if len(found) < page {
				return
			}
			after = found[len(found)-1].Key
		}
	}
}

// History returns every version of a document, the one known last first; a deletion has no Doc. A version that became known
// late is followed by a statement of the newest one again, under the same version.
func (c *Collection) History(ctx context.Context, key string) ([]Document, error) {
	found, err := docs.History(ctx, c.db.pool, c.name, key)
	return found, wrap(err, "history of %q of %s", key, c.name)
}
