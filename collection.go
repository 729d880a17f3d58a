package howdah

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/docs"
)

// Document is one version of a document of a collection. To put one with PutMany, set Key, Doc and whatever else is known.
type Document = docs.Document

// CollectionInfo is what there is to know of a collection.
type CollectionInfo = docs.Info

// Collection is a set of documents by key: table docs.<name>, with the history of every document.
type Collection struct {
	db   *DB
	name string
}

// Collection gives a handle; it does not look whether the collection exists.
func (db *DB) Collection(name string) *Collection { return &Collection{db: db, name: name} }

// Name is the collection's name.
func (c *Collection) Name() string { return c.name }

// A CollectionOption changes what CreateCollection makes.
type CollectionOption func(*collectionOptions)

type collectionOptions struct {
	changes *string
	known   string
}

// PublishChanges makes every change of the collection an event of that topic too, in the same transaction; the topic is made
// where it is missing.
func PublishChanges(topic string) CollectionOption {
	return func(o *collectionOptions) { o.changes = &topic }
}

// GivenTimes lets writes state with KnownAt when a version became known, for collections that are filled from a source with a
// clock of its own. By default that is the server's clock alone.
func GivenTimes() CollectionOption { return func(o *collectionOptions) { o.known = "given" } }

// CreateCollection makes a collection. The same again is no error; another shape under the name is ErrExists.
func (db *DB) CreateCollection(ctx context.Context, name string, options ...CollectionOption) (*Collection, error) {
	o := collectionOptions{known: "clock"}
	for _, f := range options {
		f(&o)
	}
	_, err := db.pool.Exec(ctx, "select howdah.create_collection($1::text, $2::text, $3::text)", name, o.changes, o.known)
	return db.Collection(name), wrap(err, "create collection")
}

// DropCollection drops a collection with its documents and their history.
func (db *DB) DropCollection(ctx context.Context, name string) error {
	_, err := db.pool.Exec(ctx, "select howdah.drop_collection($1::text)", name)
	return wrap(err, "drop collection")
}

// Collections lists all collections.
func (db *DB) Collections(ctx context.Context) ([]CollectionInfo, error) {
	all, err := docs.List(ctx, db.pool, "")
	return all, wrap(err, "list collections")
}

// Info returns what there is to know of the collection.
func (c *Collection) Info(ctx context.Context) (CollectionInfo, error) {
	all, err := docs.List(ctx, c.db.pool, c.name)
	if err == nil && len(all) == 0 {
		_, err = c.db.pool.Exec(ctx, "select howdah.need_collection($1::text)", c.name) // the error that lists what there is
	}
	if err != nil || len(all) == 0 {
		return CollectionInfo{}, wrap(err, "collection %s", c.name)
	}
	return all[0], nil
}

// PublishChanges publishes every change from now on to that topic, in the same transaction; an empty name ends it.
func (c *Collection) PublishChanges(ctx context.Context, topic string) error {
	_, err := c.db.pool.Exec(ctx, "select howdah.publish_changes($1::text, nullif($2::text, ''))", c.name, topic)
	return wrap(err, "publish changes of %s", c.name)
}

// KnownUntil is the time up to which answers with AsOf are final: no transaction is open that could still add to what was known
// then. Zero: it cannot be told.
func (c *Collection) KnownUntil(ctx context.Context) (time.Time, error) {
	var at *time.Time
	err := c.db.pool.QueryRow(ctx, "select howdah.known_until($1::text)", c.name).Scan(&at)
	if err != nil || at == nil {
		return time.Time{}, wrap(err, "known until of %s", c.name)
	}
	return at.UTC(), nil
}

// CreateIndex makes the index that Find uses, without holding changes back; it costs every later change a part of its speed.
func (c *Collection) CreateIndex(ctx context.Context) error {
	var name *string
	err := c.db.pool.QueryRow(ctx, `select case when not howdah.has_find_index($1::text) then howdah.part_name($1::text, ' find') end
		from howdah.need_collection($1::text)`, c.name).Scan(&name)
	if err != nil || name == nil {
		return wrap(err, "index %s", c.name)
	}
	index := pgx.Identifier{"docs", *name}.Sanitize()
	// What an attempt that failed has left is in the way.
	for _, sql := range []string{"drop index concurrently if exists " + index,
		fmt.Sprintf("create index concurrently %s on %s using gin (doc jsonb_path_ops)", pgx.Identifier{*name}.Sanitize(), pgx.Identifier{"docs", c.name}.Sanitize())} {
		if _, err := c.db.pool.Exec(ctx, sql); err != nil {
			return wrap(err, "index %s", c.name)
		}
	}
	return nil
}
