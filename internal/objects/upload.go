package objects

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
)

// An Upload is a multipart upload that is neither completed nor aborted.
type Upload struct {
	Key       string
	ID        string
	Put       Put
	CreatedAt time.Time
}

// A Part of an upload.
type Part struct {
	Number     int
	Size       int64
	ETag       string
	Checksum   *Checksum
	ModifiedAt time.Time
}

// CreateUpload begins an upload.
func CreateUpload(ctx context.Context, q Querier, bucket, key string, p Put) (id string, err error) {
	info, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	err = q.QueryRow(ctx, "select howdah.create_upload($1::text, $2::text, $3::jsonb)", bucket, key, string(info)).Scan(&id)
	return id, err
}

// DescribeUpload says what was said when an upload began.
func DescribeUpload(ctx context.Context, q Querier, bucket, key, id string) (p Put, err error) {
	var info []byte
	if err := q.QueryRow(ctx, "select howdah.describe_upload($1::text, $2::text, $3::text)", bucket, key, id).Scan(&info); err != nil {
		return p, err
	}
	return p, json.Unmarshal(info, &p)
}

// PutPart stores a part of an upload, in place of an earlier one of that number.
func (s *Store) PutPart(ctx context.Context, q Querier, bucket, key, id string, number int, body io.Reader, p Put) (Part, error) {
	if _, err := DescribeUpload(ctx, q, bucket, key, id); err != nil { // before the bytes, not after them
		return Part{}, err
	}
	in := s.source(body, p.Size)
	first, err := in.next()
	if err != nil {
		return Part{}, err
	}
	err = s.write(ctx, q, bucket, in, first, func(piece int64) error {
		info, err := in.finish(&p)
		if err != nil {
			return err
		}
		_, err = q.Exec(ctx, "select howdah.put_part($1::text, $2::text, $3::text, $4::int, $5::bigint, $6::bigint, $7::jsonb)",
			bucket, key, id, number, piece, in.size, string(info))
		return err
	})
	return Part{Number: number, Size: in.size, ETag: p.MD5, Checksum: p.Checksum, ModifiedAt: time.Now().UTC()}, err
}

// Parts lists the parts of an upload after a number.
func Parts(ctx context.Context, q Querier, bucket, key, id string, after, limit int) ([]Part, error) {
	rows, err := q.Query(ctx, "select number, size, etag, checksum, modified_at from howdah.list_parts($1::text, $2::text, $3::text, $4::int, $5::int)",
		bucket, key, id, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Part, err error) {
		return p, row.Scan(&p.Number, &p.Size, &p.ETag, &p.Checksum, &p.ModifiedAt)
	})
}

// Uploads lists the uploads of a bucket after a key and an upload of it.
func Uploads(ctx context.Context, q Querier, bucket, prefix, afterKey, afterUpload string, limit int) ([]Upload, error) {
	rows, err := q.Query(ctx, "select key, upload, info, created_at from howdah.list_uploads($1::text, $2::text, $3::text, $4::text, $5::int)",
		bucket, prefix, afterKey, afterUpload, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (u Upload, err error) {
		return u, row.Scan(&u.Key, &u.ID, &u.Put, &u.CreatedAt)
	})
}

// Complete makes the named parts an object.
func Complete(ctx context.Context, q Querier, bucket, key, id string, parts []Part, p Put) (Info, error) {
	numbers, etags := make([]int, len(parts)), make([]string, len(parts))
	for i, part := range parts {
		numbers[i], etags[i] = part.Number, part.ETag
	}
	info, err := json.Marshal(p)
	if err != nil {
		return Info{}, err
	}
	return one(ctx, q, "select howdah.complete_upload($1::text, $2::text, $3::text, $4::int[], $5::text[], $6::jsonb)", bucket, key, id, numbers, etags, string(info))
}

// Abort ends an upload without an object.
func Abort(ctx context.Context, q Querier, bucket, key, id string) error {
	_, err := q.Exec(ctx, "select howdah.abort_upload($1::text, $2::text, $3::text)", bucket, key, id)
	return err
}
