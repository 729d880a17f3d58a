package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
)

// The buckets.
const (
	bucketDatasets = "datasets"
	bucketModels   = "models"
)

// setUpStores makes the collections, whose versions become known in scenario time, and the buckets.
func (l *Lab) setUpStores(ctx context.Context) error {
	for _, stream := range l.shape.References {
		if _, err := l.db.CreateCollection(ctx, stream, howdah.GivenTimes()); err != nil {
			return err
		}
	}
	for _, name := range []string{bucketDatasets, bucketModels} {
		if _, err := l.db.CreateBucket(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) putObject(ctx context.Context, tx pgx.Tx, bucket, key, contentType string, body []byte) error {
	_, err := l.db.Bucket(bucket).PutTx(ctx, tx, key, bytes.NewReader(body), howdah.ContentType(contentType))
	return err
}

func (l *Lab) getObject(ctx context.Context, bucket, key string) (body []byte, err error) {
	o, err := l.db.Bucket(bucket).Open(ctx, key)
	if err != nil {
		return nil, err
	}
	body, err = io.ReadAll(o)
	if err = errors.Join(err, o.Close()); err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", bucket, key, err)
	}
	return body, nil
}

// putProfiles writes versions of reference data into their collection.
func (l *Lab) putProfiles(ctx context.Context, tx pgx.Tx, stream string, profiles []Profile) error {
	if len(profiles) == 0 {
		return nil
	}
	documents := make([]howdah.Document, len(profiles))
	for i, p := range profiles {
		documents[i] = howdah.Document{Key: p.Key, Doc: p.Doc, ValidFrom: p.ValidFrom, KnownAt: p.Known}
	}
	return l.db.Collection(stream).PutManyTx(ctx, tx, documents...)
}

func ignoreMissing(err error) error {
	if errors.Is(err, howdah.ErrNotFound) {
		return nil
	}
	return err
}

// dropBucket empties a bucket and drops it.
func (l *Lab) dropBucket(ctx context.Context, name string) error {
	b := l.db.Bucket(name)
	for o, err := range b.List(ctx, "") {
		if err != nil {
			return ignoreMissing(err)
		}
		if _, err := b.Delete(ctx, o.Key); err != nil {
			return err
		}
	}
	return ignoreMissing(l.db.DropBucket(ctx, name))
}
