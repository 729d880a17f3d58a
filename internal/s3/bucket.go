package s3

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/howdah/howdah"
)

// ListBuckets lists the buckets that the key may read.
func (s *store) ListBuckets(ctx context.Context, in s3response.ListBucketsInput) (s3response.ListAllMyBucketsResult, error) {
	account, _ := ctx.Value("account").(auth.Account)
	out := s3response.ListAllMyBucketsResult{Owner: s3response.CanonicalUser{ID: account.Access, DisplayName: account.Access}, Prefix: in.Prefix}
	names, created, err := s.db.BucketNames(s.ctx)
	if err != nil {
		return out, s.fail(err, "", "")
	}
	for i, name := range names {
		if !strings.HasPrefix(name, in.Prefix) || name <= in.ContinuationToken || s.may(ctx, name, reads) != nil {
			continue
		}
		if in.MaxBuckets > 0 && len(out.Buckets.Bucket) >= int(in.MaxBuckets) {
			out.ContinuationToken = out.Buckets.Bucket[len(out.Buckets.Bucket)-1].Name
			break
		}
		out.Buckets.Bucket = append(out.Buckets.Bucket, s3response.ListAllMyBucketsEntry{Name: name, BucketRegion: Region, CreationDate: created[i]})
	}
	return out, nil
}

// HeadBucket says whether a bucket is there.
func (s *store) HeadBucket(ctx context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return nil, err
	}
	if _, err := b.Config(s.ctx); err != nil {
		return nil, s.fail(err, b.Name(), "")
	}
	return &s3.HeadBucketOutput{BucketRegion: pointer(Region)}, nil
}

// CreateBucket makes a bucket; the one who has it already is told so.
func (s *store) CreateBucket(ctx context.Context, in *s3.CreateBucketInput, _ []byte) error {
	b, err := s.bucket(ctx, in.Bucket, owns)
	if err != nil {
		return err
	}
	if value(in.ObjectLockEnabledForBucket) {
		return s3err.GetAPIError(s3err.ErrNotImplemented)
	}
	if _, err := b.Config(s.ctx); err == nil {
		return s3err.GetBucketErr(s3err.ErrBucketAlreadyOwnedByYou, b.Name())
	} else if !errors.Is(err, howdah.ErrNoBucket) {
		return s.fail(err, b.Name(), "")
	}
	_, err = s.db.CreateBucket(s.ctx, b.Name())
	if errors.Is(err, howdah.ErrInvalid) {
		return s3err.GetBucketErr(s3err.ErrInvalidBucketName, b.Name())
	}
	return s.fail(err, b.Name(), "")
}

// DeleteBucket drops an empty bucket.
func (s *store) DeleteBucket(ctx context.Context, bucket string) error {
	b, err := s.bucket(ctx, &bucket, owns)
	if err != nil {
		return err
	}
	return s.fail(s.db.DropBucket(s.ctx, b.Name()), bucket, "")
}

// GetBucketVersioning says whether versions are kept.
func (s *store) GetBucketVersioning(ctx context.Context, bucket string) (out s3response.GetBucketVersioningOutput, err error) {
	b, err := s.bucket(ctx, &bucket, reads)
	if err != nil {
		return out, err
	}
	c, err := b.Config(s.ctx)
	switch c.Versioning {
	case "enabled":
		out.Status = pointer(types.BucketVersioningStatusEnabled)
	case "suspended":
		out.Status = pointer(types.BucketVersioningStatusSuspended)
	}
	return out, s.fail(err, bucket, "")
}

// PutBucketVersioning enables or suspends versioning.
func (s *store) PutBucketVersioning(ctx context.Context, bucket string, status types.BucketVersioningStatus) error {
	b, err := s.bucket(ctx, &bucket, owns)
	if err != nil {
		return err
	}
	return s.fail(b.Alter(s.ctx, howdah.Versioning(status == types.BucketVersioningStatusEnabled)), bucket, "")
}

// GetBucketTagging reads the tags of a bucket.
func (s *store) GetBucketTagging(ctx context.Context, bucket string) (map[string]string, error) {
	b, err := s.bucket(ctx, &bucket, reads)
	if err != nil {
		return nil, err
	}
	c, err := b.Config(s.ctx)
	if err == nil && len(c.Tags) == 0 {
		return nil, s3err.GetBucketErr(s3err.ErrBucketTaggingNotFound, bucket)
	}
	return c.Tags, s.fail(err, bucket, "")
}

// PutBucketTagging sets the tags of a bucket.
func (s *store) PutBucketTagging(ctx context.Context, bucket string, tags map[string]string) error {
	b, err := s.bucket(ctx, &bucket, owns)
	if err != nil {
		return err
	}
	return s.fail(b.Alter(s.ctx, howdah.BucketTags(tags)), bucket, "")
}

// DeleteBucketTagging takes the tags of a bucket away.
func (s *store) DeleteBucketTagging(ctx context.Context, bucket string) error {
	return s.PutBucketTagging(ctx, bucket, map[string]string{})
}
