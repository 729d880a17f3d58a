package s3

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/howdah/howdah"
)

// headers are those that are kept with an object and sent with it.
func headers(cache, disposition, encoding, language, expires, redirect *string) map[string]string {
	h := map[string]string{}
	for name, v := range map[string]*string{"Cache-Control": cache, "Content-Disposition": disposition, "Content-Encoding": encoding,
		"Content-Language": language, "Expires": expires, "X-Amz-Website-Redirect-Location": redirect} {
		if value(v) != "" {
			h[name] = *v
		}
	}
	return h
}

func conditions(ifMatch, ifNoneMatch *string) (options []howdah.ObjectOption) {
	if value(ifMatch) != "" {
		options = append(options, howdah.IfMatch(*ifMatch))
	}
	if value(ifNoneMatch) != "" {
		options = append(options, howdah.IfNoneMatch(*ifNoneMatch))
	}
	return options
}

// PutObject stores an object.
func (s *store) PutObject(ctx context.Context, in s3response.PutObjectInput) (out s3response.PutObjectOutput, err error) {
	b, err := s.bucket(ctx, in.Bucket, writes)
	if err != nil {
		return out, err
	}
	tags, err := backend.ParseObjectTags(value(in.Tagging))
	if err != nil {
		return out, err
	}
	body, err := sums(in.Body, in, string(in.ChecksumAlgorithm))
	if err != nil {
		return out, err
	}
	options := append(conditions(in.IfMatch, in.IfNoneMatch),
		howdah.Size(value(in.ContentLength)), howdah.ContentType(value(in.ContentType)), howdah.Metadata(in.Metadata), howdah.Tags(tags),
		howdah.Headers(headers(in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.Expires, in.WebsiteRedirectLocation)),
		howdah.AtEnd(func() ([]howdah.ObjectOption, error) {
			if c := body.checksum(); c != nil {
				return []howdah.ObjectOption{howdah.WithChecksum(*c)}, nil
			}
			return nil, nil
		}))
	r, done := s.buffered(body)
	defer done()
	info, err := b.Put(s.ctx, value(in.Key), r, options...)
	if err != nil {
		return out, s.fail(err, b.Name(), value(in.Key))
	}
	out = s3response.PutObjectOutput{ETag: *quoted(info.ETag), VersionID: value(id(info))}
	answer(&out, info.Checksum)
	return out, nil
}

// CopyObject copies an object without reading it.
func (s *store) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (out s3response.CopyObjectOutput, err error) {
	fromBucket, fromKey, fromVersion, err := backend.ParseCopySource(value(in.CopySource))
	if err != nil {
		return out, err
	}
	source, err := s.bucket(ctx, &fromBucket, reads)
	if err != nil {
		return out, err
	}
	b, err := s.bucket(ctx, in.Bucket, writes)
	if err != nil {
		return out, err
	}
	was, err := source.Head(s.ctx, fromKey, version(&fromVersion)...)
	if err != nil {
		return out, s.lookup(err, fromBucket, fromKey, fromVersion)
	}
	if err := backend.EvaluatePreconditions(was.ETag, seconds(was.ModifiedAt), backend.PreConditions{IfMatch: in.CopySourceIfMatch,
		IfNoneMatch: in.CopySourceIfNoneMatch, IfModSince: in.CopySourceIfModifiedSince, IfUnmodeSince: in.CopySourceIfUnmodifiedSince}); err != nil {
		return out, asPrecondition(err)
	}
	options := append(version(&fromVersion), howdah.FromBucket(fromBucket))
	replace := in.MetadataDirective == types.MetadataDirectiveReplace
	if replace {
		options = append(options, howdah.ContentType(value(in.ContentType)), howdah.Metadata(in.Metadata),
			howdah.Headers(headers(in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.Expires, in.WebsiteRedirectLocation)))
	} else if fromBucket == b.Name() && fromKey == value(in.Key) && fromVersion == "" && in.TaggingDirective != types.TaggingDirectiveReplace {
		return out, s3err.GetAPIError(s3err.ErrInvalidCopyDest)
	}
	if in.TaggingDirective == types.TaggingDirectiveReplace {
		tags, err := backend.ParseObjectTags(value(in.Tagging))
		if err != nil {
			return out, err
		}
		options = append(options, howdah.Tags(tags))
	}
	info, err := b.Copy(s.ctx, fromKey, value(in.Key), options...)
	if err != nil {
		return out, s.fail(err, b.Name(), value(in.Key))
	}
	out.CopyObjectResult = &s3response.CopyObjectResult{ETag: quoted(info.ETag), LastModified: &info.ModifiedAt}
	answer(out.CopyObjectResult, info.Checksum)
	out.VersionId = id(info)
	if was.Versioned {
		out.CopySourceVersionId = &was.VersionID
	}
	return out, nil
}

// asPrecondition: a copy is never "not modified".
func asPrecondition(err error) error {
	if errors.Is(err, s3err.GetAPIError(s3err.ErrNotModified)) {
		return s3err.GetAPIError(s3err.ErrPreconditionFailed)
	}
	return err
}

// DeleteObject deletes an object or a version of it; that there was none is no error.
func (s *store) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	b, err := s.bucket(ctx, in.Bucket, writes)
	if err != nil {
		return nil, err
	}
	if in.IfMatchLastModifiedTime != nil || in.IfMatchSize != nil {
		info, err := b.Head(s.ctx, value(in.Key))
		if errors.Is(err, howdah.ErrNotFound) && !errors.Is(err, howdah.ErrNoBucket) {
			return &s3.DeleteObjectOutput{}, nil
		}
		if err != nil {
			return nil, s.fail(err, b.Name(), value(in.Key))
		}
		if in.IfMatchSize != nil && *in.IfMatchSize != info.Size ||
			in.IfMatchLastModifiedTime != nil && !seconds(*in.IfMatchLastModifiedTime).Equal(seconds(info.ModifiedAt)) {
			return nil, s3err.GetAPIError(s3err.ErrPreconditionFailed)
		}
	}
	info, _, err := b.Remove(s.ctx, value(in.Key), append(version(in.VersionId), conditions(in.IfMatch, nil)...)...)
	if err != nil {
		return nil, s.fail(err, b.Name(), value(in.Key))
	}
	out := &s3.DeleteObjectOutput{VersionId: id(info)}
	if info.Marker {
		out.DeleteMarker = pointer(true)
	}
	if value(in.VersionId) != "" {
		out.VersionId = in.VersionId
	}
	return out, nil
}

// DeleteObjects deletes many; each for itself.
func (s *store) DeleteObjects(ctx context.Context, in *s3.DeleteObjectsInput) (out s3response.DeleteResult, err error) {
	b, err := s.bucket(ctx, in.Bucket, writes)
	if err != nil {
		return out, err
	}
	if _, err := b.Config(s.ctx); err != nil {
		return out, s.fail(err, b.Name(), "")
	}
	out.Deleted, out.Error = []types.DeletedObject{}, []types.Error{}
	for _, o := range in.Delete.Objects {
		done, err := s.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: in.Bucket, Key: o.Key, VersionId: o.VersionId, IfMatch: o.ETag,
			IfMatchLastModifiedTime: o.LastModifiedTime, IfMatchSize: o.Size})
		if err != nil {
			out.Error = append(out.Error, s3err.ObjectDeleteError(o.Key, o.VersionId, err))
			continue
		}
		d := types.DeletedObject{Key: o.Key, VersionId: o.VersionId, DeleteMarker: done.DeleteMarker}
		if value(done.DeleteMarker) {
			d.DeleteMarkerVersionId = done.VersionId
		}
		out.Deleted = append(out.Deleted, d)
	}
	return out, nil
}

// PutObjectTagging sets the tags of an object.
func (s *store) PutObjectTagging(ctx context.Context, bucket, object, versionID string, tags map[string]string) error {
	b, err := s.bucket(ctx, &bucket, writes)
	if err != nil {
		return err
	}
	_, err = b.Tag(s.ctx, object, tags, version(&versionID)...)
	return s.lookup(err, bucket, object, versionID)
}

// DeleteObjectTagging takes the tags of an object away.
func (s *store) DeleteObjectTagging(ctx context.Context, bucket, object, versionID string) error {
	return s.PutObjectTagging(ctx, bucket, object, versionID, nil)
}
