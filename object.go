package howdah

import (
	"context"
	"io"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/objects"
)

// ObjectInfo is what is known about a version of an object.
type ObjectInfo = objects.Info

// ObjectEntry is one line of a listing: an object, or what the keys of several have in common up to a delimiter.
type ObjectEntry = objects.Entry

// Object is an object that is open to be read: io.ReadSeekCloser and io.WriterTo. It stays the one that was there when it
// was opened, even if somebody replaces or deletes it meanwhile.
type Object struct {
	r      *objects.Reader
	bucket string
}

// Info is what is known about the object.
func (o *Object) Info() ObjectInfo { return o.r.Info() }

// Read implements io.Reader.
func (o *Object) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	return n, o.wrap(err)
}

// WriteTo implements io.WriterTo.
func (o *Object) WriteTo(w io.Writer) (int64, error) {
	n, err := o.r.WriteTo(w)
	return n, o.wrap(err)
}

// Seek implements io.Seeker.
func (o *Object) Seek(offset int64, whence int) (int64, error) { return o.r.Seek(offset, whence) }

// Close implements io.Closer.
func (o *Object) Close() error { return o.r.Close() }

func (o *Object) wrap(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // io.Reader's own
		return err
	}
	return wrap(err, "read from bucket %s", o.bucket)
}

// Put stores an object, streaming from body in constant memory. It becomes visible as a whole and durable when Put
// returns without an error; otherwise nothing has changed.
func (b *Bucket) Put(ctx context.Context, key string, body io.Reader, options ...ObjectOption) (ObjectInfo, error) {
	return b.put(ctx, b.db.pool, key, body, options)
}

// PutTx stores an object in the caller's transaction: it appears when that commits, together with its other writes.
func (b *Bucket) PutTx(ctx context.Context, tx pgx.Tx, key string, body io.Reader, options ...ObjectOption) (ObjectInfo, error) {
	return b.put(ctx, tx, key, body, options)
}

func (b *Bucket) put(ctx context.Context, q querier, key string, body io.Reader, options []ObjectOption) (ObjectInfo, error) {
	o := objectOptionsOf(options)
	if sized, ok := body.(interface{ Len() int }); ok && o.put.Size < 0 {
		o.put.Size = int64(sized.Len())
	}
	info, err := b.db.objects.Put(ctx, q, b.name, key, body, o.put)
	return info, wrap(err, "put object %s/%s", b.name, key)
}

// Open opens an object to be read. Close it.
func (b *Bucket) Open(ctx context.Context, key string, options ...ObjectOption) (*Object, error) {
	return b.open(ctx, b.db.pool, key, options)
}

// OpenTx opens an object as the transaction sees it; read it before the transaction goes on to something else.
func (b *Bucket) OpenTx(ctx context.Context, tx pgx.Tx, key string, options ...ObjectOption) (*Object, error) {
	return b.open(ctx, tx, key, options)
}

func (b *Bucket) open(ctx context.Context, q querier, key string, options []ObjectOption) (*Object, error) {
	r, err := b.db.objects.Open(ctx, q, b.name, key, objectOptionsOf(options).version)
	if err != nil {
		return nil, wrap(err, "open object %s/%s", b.name, key)
	}
	return &Object{r: r, bucket: b.name}, nil
}

// Head says what is known about an object without reading it.
func (b *Bucket) Head(ctx context.Context, key string, options ...ObjectOption) (ObjectInfo, error) {
	return b.head(ctx, b.db.pool, key, options)
}

// HeadTx is Head in the caller's transaction.
func (b *Bucket) HeadTx(ctx context.Context, tx pgx.Tx, key string, options ...ObjectOption) (ObjectInfo, error) {
	return b.head(ctx, tx, key, options)
}

func (b *Bucket) head(ctx context.Context, q querier, key string, options []ObjectOption) (ObjectInfo, error) {
	info, err := objects.Head(ctx, q, b.name, key, objectOptionsOf(options).version)
	return info, wrap(err, "object %s/%s", b.name, key)
}

// PartSizes gives the sizes of the parts that an object was uploaded in.
func (b *Bucket) PartSizes(ctx context.Context, key string, options ...ObjectOption) ([]int64, error) {
	sizes, err := objects.PartSizes(ctx, b.db.pool, b.name, key, objectOptionsOf(options).version)
	return sizes, wrap(err, "object %s/%s", b.name, key)
}

// Delete deletes an object and says whether there was one. In a bucket with versioning it adds a deletion as the newest
// version, and with Version it deletes that version for good.
func (b *Bucket) Delete(ctx context.Context, key string, options ...ObjectOption) (bool, error) {
	_, ok, err := b.remove(ctx, b.db.pool, key, options)
	return ok, err
}

// DeleteTx is Delete in the caller's transaction.
func (b *Bucket) DeleteTx(ctx context.Context, tx pgx.Tx, key string, options ...ObjectOption) (bool, error) {
	_, ok, err := b.remove(ctx, tx, key, options)
	return ok, err
}

// Remove is Delete that says what went, or which deletion was added.
func (b *Bucket) Remove(ctx context.Context, key string, options ...ObjectOption) (info ObjectInfo, ok bool, err error) {
	return b.remove(ctx, b.db.pool, key, options)
}

func (b *Bucket) remove(ctx context.Context, q querier, key string, options []ObjectOption) (ObjectInfo, bool, error) {
	o := objectOptionsOf(options)
	info, ok, err := objects.Delete(ctx, q, b.name, key, o.version, o.put.IfMatch)
	return info, ok, wrap(err, "delete object %s/%s", b.name, key)
}

// Copy copies an object to another key without reading its bytes; FromBucket and Version say which one. What the options
// say of it replaces what the source says.
func (b *Bucket) Copy(ctx context.Context, from, to string, options ...ObjectOption) (ObjectInfo, error) {
	return b.copyTo(ctx, b.db.pool, from, to, options)
}

// CopyTx is Copy in the caller's transaction.
func (b *Bucket) CopyTx(ctx context.Context, tx pgx.Tx, from, to string, options ...ObjectOption) (ObjectInfo, error) {
	return b.copyTo(ctx, tx, from, to, options)
}

func (b *Bucket) copyTo(ctx context.Context, q querier, from, to string, options []ObjectOption) (ObjectInfo, error) {
	o := objectOptionsOf(options)
	source := objects.Source{Bucket: b.name, Key: from, Version: o.version}
	if o.from != "" {
		source.Bucket = o.from
	}
	info, err := objects.Copy(ctx, q, source, b.name, to, o.put)
	return info, wrap(err, "copy object %s/%s", source.Bucket, from)
}

// Tag sets the tags of an object in place of those it had.
func (b *Bucket) Tag(ctx context.Context, key string, tags map[string]string, options ...ObjectOption) (ObjectInfo, error) {
	info, err := objects.Tag(ctx, b.db.pool, b.name, key, objectOptionsOf(options).version, tags)
	return info, wrap(err, "tag object %s/%s", b.name, key)
}

// TagTx is Tag in the caller's transaction.
func (b *Bucket) TagTx(ctx context.Context, tx pgx.Tx, key string, tags map[string]string, options ...ObjectOption) (ObjectInfo, error) {
	info, err := objects.Tag(ctx, tx, b.name, key, objectOptionsOf(options).version, tags)
	return info, wrap(err, "tag object %s/%s", b.name, key)
}

// List goes over the objects whose keys begin with a prefix, in the order of the keys' bytes, a page at a time.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		for after := ""; ; {
			page, err := b.ListPage(ctx, prefix, after, "", 1000)
			if err != nil {
				yield(ObjectInfo{}, err)
				return
			}
			for _, e := range page {
				if !yield(*e.Object, nil) {
					return
				}
				after = e.Key
			}
			if len(page) < 1000 {
				return
			}
		}
	}
}

// ListPage reads one page of a listing: at most limit entries after a key. With a delimiter, keys that have it after the
// prefix are put together into one entry; pass an entry's key as after for the next page.
func (b *Bucket) ListPage(ctx context.Context, prefix, after, delimiter string, limit int) ([]ObjectEntry, error) {
	page, err := objects.List(ctx, b.db.pool, b.name, prefix, after, delimiter, limit)
	return page, wrap(err, "list bucket %s", b.name)
}

// VersionsPage reads one page of the versions of objects, deletions among them, newest first within a key.
func (b *Bucket) VersionsPage(ctx context.Context, prefix, afterKey, afterVersion, delimiter string, limit int) ([]ObjectEntry, error) {
	page, err := objects.Versions(ctx, b.db.pool, b.name, prefix, afterKey, afterVersion, delimiter, limit)
	return page, wrap(err, "list versions of bucket %s", b.name)
}

// CheckObjects reads the bytes of all objects and compares them with their size and checksums. progress, if not nil, is
// told how many bytes have been read since it was told last.
func (db *DB) CheckObjects(ctx context.Context, progress func(bytes int64)) ([]Problem, error) {
	if progress == nil {
		progress = func(int64) {}
	}
	var problems []Problem
	err := objects.Check(ctx, db.pool, func(s string) { problems = append(problems, Problem{Problem: s}) }, progress)
	return problems, wrap(err, "check objects")
}

type querier = objects.Querier
