package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/howdah/howdah"
)

func version(id *string) []howdah.ObjectOption {
	v := value(id)
	if v == "" {
		return nil
	}
	return []howdah.ObjectOption{howdah.Version(v)}
}

// lookup turns the errors of reading an object into S3's.
func (s *store) lookup(err error, bucket, key, version string) error {
	if errors.Is(err, howdah.ErrNoVersion) {
		return s3err.GetNoSuchVersionErr(key, version)
	}
	return s.fail(err, bucket, key)
}

// span is what of an object is asked for.
type span struct {
	from, length int64
	header       *string // Content-Range; nil: all of it
	parts        *int32
}

// span reads Range and partNumber.
func (s *store) span(b *howdah.Bucket, info howdah.ObjectInfo, ranges *string, part *int32) (span, error) {
	if part != nil {
		return s.part(b, info, *part)
	}
	from, length, partial, err := backend.ParseObjectRange(info.Size, value(ranges))
	if err != nil || !partial {
		return span{from: from, length: length}, err
	}
	return span{from: from, length: length, header: contentRange(from, length, info.Size)}, nil
}

func (s *store) part(b *howdah.Bucket, info howdah.ObjectInfo, part int32) (span, error) {
	sizes, err := b.PartSizes(s.ctx, info.Key, howdah.Version(info.VersionID))
	if err != nil {
		return span{}, err
	}
	n := max(int32(len(sizes)), 1)
	if part > n {
		return span{}, s3err.GetInvalidPartNumberRangeErr(n, part)
	}
	if info.Size == 0 {
		return span{}, nil
	}
	var from int64
	for _, size := range sizes[:part-1] {
		from += size
	}
	p := span{from: from, length: sizes[part-1], header: contentRange(from, sizes[part-1], info.Size)}
	if n > 1 {
		p.parts = &n
	}
	return p, nil
}

func contentRange(from, length, size int64) *string {
	return pointer(fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, size))
}

// seconds is how fine times are in HTTP.
func seconds(t time.Time) time.Time { return t.Truncate(time.Second) }

// id is the version that is answered: none where the bucket has never kept versions.
func id(info howdah.ObjectInfo) *string {
	if !info.Versioned {
		return nil
	}
	return &info.VersionID
}

// GetObject gives an object or a part of it.
func (s *store) GetObject(ctx context.Context, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return nil, err
	}
	o, err := b.Open(s.ctx, value(in.Key), version(in.VersionId)...)
	if err != nil {
		return nil, s.lookup(err, b.Name(), value(in.Key), value(in.VersionId))
	}
	info := o.Info()
	err = backend.EvaluatePreconditions(info.ETag, seconds(info.ModifiedAt), backend.PreConditions{
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IfModSince: in.IfModifiedSince, IfUnmodeSince: in.IfUnmodifiedSince})
	var p span
	if err == nil {
		p, err = s.span(b, info, in.Range, in.PartNumber)
	}
	if err == nil {
		_, err = o.Seek(p.from, io.SeekStart)
	}
	if err != nil {
		_ = o.Close()
		return nil, s.fail(err, b.Name(), info.Key)
	}
	out := &s3.GetObjectOutput{
		Body: &body{o, p.length}, ContentLength: &p.length, ContentRange: p.header, AcceptRanges: pointer("bytes"), PartsCount: p.parts,
		ETag: quoted(info.ETag), LastModified: pointer(seconds(info.ModifiedAt)), VersionId: id(info), Metadata: info.Metadata,
		ContentType: some(info.ContentType), CacheControl: some(info.Headers["Cache-Control"]), ContentDisposition: some(info.Headers["Content-Disposition"]),
		ContentEncoding: some(info.Headers["Content-Encoding"]), ContentLanguage: some(info.Headers["Content-Language"]), ExpiresString: some(info.Headers["Expires"]),
		WebsiteRedirectLocation: some(info.Headers["X-Amz-Website-Redirect-Location"]), StorageClass: types.StorageClassStandard,
	}
	if n := int32(len(info.Tags)); n > 0 {
		out.TagCount = &n
	}
	if in.ChecksumMode == types.ChecksumModeEnabled && p.header == nil {
		answer(out, info.Checksum)
	}
	return out, nil
}

// body is the part of an object that is sent.
type body struct {
	*howdah.Object
	left int64
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.EOF
	}
	n, err := b.Object.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// WriteTo writes whole chunks: through Read, the library would copy 4 KiB at a time.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	n, err := b.Object.WriteTo(&limited{w, b.left})
	b.left -= n
	if errors.Is(err, errEnough) {
		err = nil
	}
	return n, err
}

var errEnough = errors.New("all that was asked for is written")

// limited passes on so many bytes, and then says that it is enough.
type limited struct {
	w    io.Writer
	left int64
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	end := int64(len(p)) >= l.left
	if end {
		p = p[:l.left]
	}
	n, err := l.w.Write(p)
	l.left -= int64(n)
	if err == nil && end {
		err = errEnough
	}
	return n, err
}

// HeadObject says what is known about an object.
func (s *store) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return nil, err
	}
	info, err := b.Head(s.ctx, value(in.Key), version(in.VersionId)...)
	if err != nil {
		return nil, s.lookup(err, b.Name(), value(in.Key), value(in.VersionId))
	}
	err = backend.EvaluatePreconditions(info.ETag, seconds(info.ModifiedAt), backend.PreConditions{
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch, IfModSince: in.IfModifiedSince, IfUnmodeSince: in.IfUnmodifiedSince})
	var p span
	if err == nil {
		p, err = s.span(b, info, in.Range, in.PartNumber)
	}
	if err != nil {
		return nil, s.fail(err, b.Name(), info.Key)
	}
	out := &s3.HeadObjectOutput{
		ContentLength: &p.length, ContentRange: p.header, AcceptRanges: pointer("bytes"), PartsCount: p.parts,
		ETag: quoted(info.ETag), LastModified: pointer(seconds(info.ModifiedAt)), VersionId: id(info), Metadata: info.Metadata,
		ContentType: some(info.ContentType), CacheControl: some(info.Headers["Cache-Control"]), ContentDisposition: some(info.Headers["Content-Disposition"]),
		ContentEncoding: some(info.Headers["Content-Encoding"]), ContentLanguage: some(info.Headers["Content-Language"]), ExpiresString: some(info.Headers["Expires"]),
		WebsiteRedirectLocation: some(info.Headers["X-Amz-Website-Redirect-Location"]), StorageClass: types.StorageClassStandard,
	}
	if n := int32(len(info.Tags)); n > 0 {
		out.TagCount = &n
	}
	if in.ChecksumMode == types.ChecksumModeEnabled && p.header == nil {
		answer(out, info.Checksum)
	}
	return out, nil
}

// GetObjectAttributes says what is known about an object, as XML.
func (s *store) GetObjectAttributes(ctx context.Context, in *s3.GetObjectAttributesInput) (out s3response.GetObjectAttributesResponse, err error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return out, err
	}
	info, err := b.Head(s.ctx, value(in.Key), version(in.VersionId)...)
	if err != nil {
		return out, s.lookup(err, b.Name(), value(in.Key), value(in.VersionId))
	}
	out = s3response.GetObjectAttributesResponse{ETag: &info.ETag, ObjectSize: &info.Size, StorageClass: types.StorageClassStandard,
		VersionId: id(info), LastModified: pointer(seconds(info.ModifiedAt))}
	if info.Checksum != nil {
		out.Checksum = &types.Checksum{}
		answer(out.Checksum, info.Checksum)
	}
	return out, nil
}

// GetObjectTagging reads the tags of an object.
func (s *store) GetObjectTagging(ctx context.Context, bucket, object, versionID string) (map[string]string, error) {
	b, err := s.bucket(ctx, &bucket, reads)
	if err != nil {
		return nil, err
	}
	info, err := b.Head(s.ctx, object, version(&versionID)...)
	return info.Tags, s.lookup(err, bucket, object, versionID)
}
