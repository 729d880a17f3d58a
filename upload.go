package howdah

import (
	"context"
	"io"

	"github.com/howdah/howdah/internal/objects"
)

// UploadInfo is a multipart upload that is neither completed nor aborted.
type UploadInfo = objects.Upload

// Part is a part of a multipart upload.
type Part = objects.Part

// Upload is a multipart upload: parts are sent in any order and in parallel, from any process, and become an object when
// Complete names them. Nothing of it is visible before. Uploads that are left alone are aborted after a week.
type Upload struct {
	b       *Bucket
	key, id string
}

// CreateUpload begins an upload.
func (b *Bucket) CreateUpload(ctx context.Context, key string, options ...ObjectOption) (*Upload, error) {
	id, err := objects.CreateUpload(ctx, b.db.pool, b.name, key, objectOptionsOf(options).put)
	return b.Upload(key, id), wrap(err, "begin upload of %s/%s", b.name, key)
}

// Upload gives a handle for an upload that was begun before; it does not look whether it is still there.
func (b *Bucket) Upload(key, id string) *Upload { return &Upload{b: b, key: key, id: id} }

// ID names the upload.
func (u *Upload) ID() string { return u.id }

// Info says what was said when the upload began.
func (u *Upload) Info(ctx context.Context) (UploadInfo, error) {
	p, err := objects.DescribeUpload(ctx, u.b.db.pool, u.b.name, u.key, u.id)
	return UploadInfo{Key: u.key, ID: u.id, Put: p}, wrap(err, "upload of %s/%s", u.b.name, u.key)
}

// Put stores a part, 1 to 10,000, in place of an earlier one of that number. All but the last have at least 5 MiB.
func (u *Upload) Put(ctx context.Context, number int, body io.Reader, options ...ObjectOption) (Part, error) {
	p, err := u.b.db.objects.PutPart(ctx, u.b.db.pool, u.b.name, u.key, u.id, number, body, objectOptionsOf(options).put)
	return p, wrap(err, "put part %d of %s/%s", number, u.b.name, u.key)
}

// Parts lists at most limit parts after a number.
func (u *Upload) Parts(ctx context.Context, after, limit int) ([]Part, error) {
	parts, err := objects.Parts(ctx, u.b.db.pool, u.b.name, u.key, u.id, after, limit)
	return parts, wrap(err, "parts of %s/%s", u.b.name, u.key)
}

// Complete makes the named parts an object; their bytes are not copied.
func (u *Upload) Complete(ctx context.Context, parts []Part, options ...ObjectOption) (ObjectInfo, error) {
	info, err := objects.Complete(ctx, u.b.db.pool, u.b.name, u.key, u.id, parts, objectOptionsOf(options).put)
	return info, wrap(err, "complete upload of %s/%s", u.b.name, u.key)
}

// Abort ends the upload; what was sent of it goes.
func (u *Upload) Abort(ctx context.Context) error {
	return wrap(objects.Abort(ctx, u.b.db.pool, u.b.name, u.key, u.id), "abort upload of %s/%s", u.b.name, u.key)
}

// Uploads lists at most limit uploads of the bucket after a key and an upload of it.
func (b *Bucket) Uploads(ctx context.Context, prefix, afterKey, afterUpload string, limit int) ([]UploadInfo, error) {
	all, err := objects.Uploads(ctx, b.db.pool, b.name, prefix, afterKey, afterUpload, limit)
	return all, wrap(err, "uploads of bucket %s", b.name)
}
