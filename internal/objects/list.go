package objects

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// An Entry of a listing is an object, or with a delimiter what the keys of several have in common up to it.
type Entry struct {
	Key    string // of the object, or the common prefix
	Object *Info  // nil for a common prefix
}

// List reads a page of a bucket: at most limit entries after a key or a common prefix.
func List(ctx context.Context, q Querier, bucket, prefix, after, delimiter string, limit int) ([]Entry, error) {
	rows, err := q.Query(ctx, "select key, info from howdah.list_objects($1::text, $2::text, $3::text, $4::text, $5::int)", bucket, prefix, after, delimiter, limit)
	return collect(rows, err)
}

// Versions reads a page of the versions of objects, newest first within a key.
func Versions(ctx context.Context, q Querier, bucket, prefix, afterKey, afterVersion, delimiter string, limit int) ([]Entry, error) {
	rows, err := q.Query(ctx, "select key, info from howdah.list_versions($1::text, $2::text, $3::text, $4::text, $5::text, $6::int)",
		bucket, prefix, afterKey, orNull(afterVersion), delimiter, limit)
	return collect(rows, err)
}

func collect(rows pgx.Rows, err error) ([]Entry, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e Entry, err error) {
		var info []byte
		if err := row.Scan(&e.Key, &info); err != nil || info == nil {
			return e, err
		}
		i, err := decode(info)
		e.Object = &i
		return e, err
	})
}
