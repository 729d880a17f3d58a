package howdah

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Bucket holds objects: bytes under a key. Its view is objects.<name>, and the rights on that are the rights on it.
type Bucket struct {
	db   *DB
	name string
}

// Bucket gives a handle; it does not look whether the bucket exists.
func (db *DB) Bucket(name string) *Bucket { return &Bucket{db: db, name: name} }

// Name is the bucket's name.
func (b *Bucket) Name() string { return b.name }

// A BucketOption changes what CreateBucket makes, or what Alter changes.
type BucketOption func(*bucketOptions)

type bucketOptions struct {
	versioning *bool
	quota      any
	tags       map[string]string
}

// Versioning keeps the versions that are replaced and deleted. It can be suspended later with false.
func Versioning(on bool) BucketOption { return func(o *bucketOptions) { o.versioning = &on } }

// Quota refuses objects that would make the bucket, all versions counted, bigger than so many bytes; 0 is no quota.
// Writers of a bucket with a quota wait for each other when they commit.
func Quota(bytes int64) BucketOption { return func(o *bucketOptions) { o.quota = bytes } }

// BucketTags sets the tags of the bucket itself, in place of those it had. For Alter.
func BucketTags(tags map[string]string) BucketOption {
	return func(o *bucketOptions) { o.tags = clone(tags) }
}

// CreateBucket makes a bucket: 3 to 63 small letters, digits, dots and hyphens. The same again is no error; different
// options are ErrExists.
func (db *DB) CreateBucket(ctx context.Context, name string, options ...BucketOption) (*Bucket, error) {
	return db.createBucket(ctx, db.pool, name, options)
}

// CreateBucketTx is CreateBucket in the caller's transaction.
func (db *DB) CreateBucketTx(ctx context.Context, tx pgx.Tx, name string, options ...BucketOption) (*Bucket, error) {
	return db.createBucket(ctx, tx, name, options)
}

func (db *DB) createBucket(ctx context.Context, q querier, name string, options []BucketOption) (*Bucket, error) {
	var o bucketOptions
	for _, f := range options {
		f(&o)
	}
	if o.quota == int64(0) {
		o.quota = nil
	}
	_, err := q.Exec(ctx, "select howdah.create_bucket($1::text, $2::boolean, $3::bigint)", name, o.versioning != nil && *o.versioning, o.quota)
	return db.Bucket(name), wrap(err, "create bucket")
}

// Alter changes what the options say and leaves the rest.
func (b *Bucket) Alter(ctx context.Context, options ...BucketOption) error {
	var o bucketOptions
	for _, f := range options {
		f(&o)
	}
	var versioning any
	if o.versioning != nil {
		versioning = map[bool]string{true: "enabled", false: "suspended"}[*o.versioning]
	}
	var tags any
	if o.tags != nil {
		tags = o.tags
	}
	_, err := b.db.pool.Exec(ctx, "select howdah.alter_bucket($1::text, $2::text, $3::bigint, $4::jsonb)", b.name, versioning, o.quota, tags)
	return wrap(err, "alter bucket %s", b.name)
}

// DropBucket drops an empty bucket; ErrNotEmpty otherwise. Uploads to it that were not completed are aborted.
func (db *DB) DropBucket(ctx context.Context, name string) error {
	_, err := db.pool.Exec(ctx, "select howdah.drop_bucket($1::text)", name)
	return wrap(err, "drop bucket")
}

// BucketConfig is how a bucket is set.
type BucketConfig struct {
	Versioning string            `json:"versioning"` // off, enabled, suspended
	Quota      *int64            `json:"quota"`      // bytes; nil: none
	Tags       map[string]string `json:"tags"`
	CreatedAt  time.Time         `json:"created_at"`
}

// Config reads how the bucket is set.
func (b *Bucket) Config(ctx context.Context) (c BucketConfig, err error) {
	err = b.db.pool.QueryRow(ctx, "select versioning, quota, tags, created_at from howdah.describe_bucket($1::text)", b.name).
		Scan(&c.Versioning, &c.Quota, &c.Tags, &c.CreatedAt)
	c.CreatedAt = c.CreatedAt.UTC()
	return c, wrap(err, "bucket %s", b.name)
}

// BucketInfo says what a bucket holds; nil figures are those of a bucket that the caller may not read.
type BucketInfo struct {
	Bucket     string    `json:"bucket"`
	Objects    *int64    `json:"objects"`
	Versions   *int64    `json:"versions"`
	Bytes      *int64    `json:"bytes"` // of all versions
	Quota      *int64    `json:"quota"`
	Versioning string    `json:"versioning"`
	Uploads    int64     `json:"uploads"` // neither completed nor aborted
	CreatedAt  time.Time `json:"created_at"`
}

// Buckets lists the buckets and what they hold. It counts: for names alone, BucketNames is quicker.
func (db *DB) Buckets(ctx context.Context) ([]BucketInfo, error) {
	rows, err := db.pool.Query(ctx, "select bucket, objects, versions, bytes, quota, versioning, uploads, created_at from howdah.buckets order by bucket")
	if err != nil {
		return nil, wrap(err, "list buckets")
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[BucketInfo])
	for i := range all {
		all[i].CreatedAt = all[i].CreatedAt.UTC()
	}
	return all, wrap(err, "list buckets")
}

// BucketNames lists the names of the buckets with the times of their creation.
func (db *DB) BucketNames(ctx context.Context) (names []string, created []time.Time, err error) {
	rows, err := db.pool.Query(ctx, "select bucket, created_at from howdah.bucket_names()")
	if err != nil {
		return nil, nil, wrap(err, "list buckets")
	}
	var name string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&name, &at}, func() error {
		names, created = append(names, name), append(created, at.UTC())
		return nil
	})
	return names, created, wrap(err, "list buckets")
}
