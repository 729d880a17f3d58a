package howdah

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// AccessKey is a key of the S3 API.
type AccessKey struct {
	Name      string            `json:"name"`
	AccessKey string            `json:"access_key"`
	Buckets   map[string]string `json:"buckets"` // bucket to "read" or "write"; nil: everything
	CreatedAt time.Time         `json:"created_at"`
	RevokedAt *time.Time        `json:"revoked_at,omitempty"`
}

// Secret is an access key with what signs: it is shown once, when it is created.
type Secret struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// CreateAccessKey makes a key for the S3 API. buckets says what it may do, "read" or "write" for each bucket; nil means
// everything, creating buckets too.
func (db *DB) CreateAccessKey(ctx context.Context, name string, buckets map[string]string) (s Secret, err error) {
	var rights any
	if buckets != nil {
		rights = buckets
	}
	err = db.pool.QueryRow(ctx, "select access_key, secret_key from howdah.create_access_key($1::text, $2::jsonb)", name, rights).Scan(&s.AccessKey, &s.SecretKey)
	return s, wrap(err, "create access key")
}

// AccessKeys lists the keys, without their secrets.
func (db *DB) AccessKeys(ctx context.Context) ([]AccessKey, error) {
	rows, err := db.pool.Query(ctx, "select name, access_key, buckets, created_at, revoked_at from howdah.list_access_keys()")
	if err != nil {
		return nil, wrap(err, "list access keys")
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[AccessKey])
	return all, wrap(err, "list access keys")
}

// RevokeAccessKey ends a key, given its name or the key itself. Servers know within two seconds.
func (db *DB) RevokeAccessKey(ctx context.Context, name string) error {
	_, err := db.pool.Exec(ctx, "select howdah.revoke_access_key($1::text)", name)
	return wrap(err, "revoke access key")
}

// FindAccessKey reads what is needed to verify a signature; ok is false where the key is unknown or revoked.
func (db *DB) FindAccessKey(ctx context.Context, accessKey string) (k AccessKey, secret string, ok bool, err error) {
	err = db.pool.QueryRow(ctx, "select name, secret_key, buckets from howdah.find_access_key($1::text)", accessKey).Scan(&k.Name, &secret, &k.Buckets)
	if errors.Is(err, pgx.ErrNoRows) {
		return k, "", false, nil
	}
	k.AccessKey = accessKey
	return k, secret, err == nil, wrap(err, "find access key")
}
