package s3

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"

	"github.com/howdah/howdah"
)

// upload gives the upload of a request, with what was said when it began.
func (s *store) upload(ctx context.Context, bucket, key, id *string) (*howdah.Upload, howdah.UploadInfo, error) {
	b, err := s.bucket(ctx, bucket, writes)
	if err != nil {
		return nil, howdah.UploadInfo{}, err
	}
	u := b.Upload(value(key), value(id))
	info, err := u.Info(s.ctx)
	return u, info, s.uploadError(err, bucket, key, id)
}

func (s *store) uploadError(err error, bucket, key, id *string) error {
	if errors.Is(err, howdah.ErrNoUpload) {
		return s3err.GetNoSuchUploadErr(value(id))
	}
	return s.fail(err, value(bucket), value(key))
}

// CreateMultipartUpload begins an upload.
func (s *store) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (out s3response.InitiateMultipartUploadResult, err error) {
	b, err := s.bucket(ctx, in.Bucket, writes)
	if err != nil {
		return out, err
	}
	tags, err := backend.ParseObjectTags(value(in.Tagging))
	if err != nil {
		return out, err
	}
	options := []howdah.ObjectOption{howdah.ContentType(value(in.ContentType)), howdah.Metadata(in.Metadata), howdah.Tags(tags),
		howdah.Headers(headers(in.CacheControl, in.ContentDisposition, in.ContentEncoding, in.ContentLanguage, in.Expires, in.WebsiteRedirectLocation))}
	if in.ChecksumAlgorithm != "" {
		options = append(options, howdah.WithChecksum(howdah.Checksum{Algorithm: string(in.ChecksumAlgorithm), Type: string(in.ChecksumType)}))
	}
	u, err := b.CreateUpload(s.ctx, value(in.Key), options...)
	if err != nil {
		return out, s.fail(err, b.Name(), value(in.Key))
	}
	return s3response.InitiateMultipartUploadResult{Bucket: b.Name(), Key: value(in.Key), UploadId: u.ID()}, nil
}

// UploadPart stores a part.
func (s *store) UploadPart(ctx context.Context, in *s3.UploadPartInput) (*s3.UploadPartOutput, error) {
	u, begun, err := s.upload(ctx, in.Bucket, in.Key, in.UploadId)
	if err != nil {
		return nil, err
	}
	algorithm := string(in.ChecksumAlgorithm)
	if begun.Put.Checksum != nil && algorithm == "" {
		algorithm = begun.Put.Checksum.Algorithm
	}
	body, err := sums(in.Body, in, algorithm)
	if err != nil {
		return nil, err
	}
	if begun.Put.Checksum != nil && !strings.EqualFold(begun.Put.Checksum.Algorithm, body.algorithm) {
		return nil, s3err.GetChecksumTypeMismatchErr(types.ChecksumAlgorithm(begun.Put.Checksum.Algorithm), types.ChecksumAlgorithm(body.algorithm))
	}
	part, err := s.putPart(u, value(in.PartNumber), body, howdah.Size(value(in.ContentLength)))
	if err != nil {
		return nil, s.uploadError(err, in.Bucket, in.Key, in.UploadId)
	}
	out := &s3.UploadPartOutput{ETag: quoted(part.ETag)}
	answer(out, part.Checksum)
	return out, nil
}

func (s *store) putPart(u *howdah.Upload, number int32, body summed, options ...howdah.ObjectOption) (howdah.Part, error) {
	r, done := s.buffered(body)
	defer done()
	return u.Put(s.ctx, int(number), r, append(options, howdah.AtEnd(func() ([]howdah.ObjectOption, error) {
		if c := body.checksum(); c != nil {
			c.Type = ""
			return []howdah.ObjectOption{howdah.WithChecksum(*c)}, nil
		}
		return nil, nil
	}))...)
}

// UploadPartCopy makes a part of an object, or of a range of it.
func (s *store) UploadPartCopy(ctx context.Context, in *s3.UploadPartCopyInput) (out s3response.CopyPartResult, err error) {
	u, begun, err := s.upload(ctx, in.Bucket, in.Key, in.UploadId)
	if err != nil {
		return out, err
	}
	fromBucket, fromKey, fromVersion, err := backend.ParseCopySource(value(in.CopySource))
	if err != nil {
		return out, err
	}
	source, err := s.bucket(ctx, &fromBucket, reads)
	if err != nil {
		return out, err
	}
	o, err := source.Open(s.ctx, fromKey, version(&fromVersion)...)
	if err != nil {
		return out, s.lookup(err, fromBucket, fromKey, fromVersion)
	}
	defer func() { _ = o.Close() }()
	was := o.Info()
	if err := backend.EvaluatePreconditions(was.ETag, seconds(was.ModifiedAt), backend.PreConditions{IfMatch: in.CopySourceIfMatch,
		IfNoneMatch: in.CopySourceIfNoneMatch, IfModSince: in.CopySourceIfModifiedSince, IfUnmodeSince: in.CopySourceIfUnmodifiedSince}); err != nil {
		return out, asPrecondition(err)
	}
	from, length, err := backend.ParseCopySourceRange(was.Size, value(in.CopySourceRange))
	if err != nil {
		return out, err
	}
	length = min(length, was.Size-from)
	if _, err := o.Seek(from, io.SeekStart); err != nil {
		return out, s.fail(err, fromBucket, fromKey)
	}
	algorithm := ""
	if begun.Put.Checksum != nil {
		algorithm = begun.Put.Checksum.Algorithm
	}
	body, err := sums(io.LimitReader(o, length), struct{}{}, algorithm)
	if err != nil {
		return out, err
	}
	part, err := s.putPart(u, value(in.PartNumber), body, howdah.Size(length))
	if err != nil {
		return out, s.uploadError(err, in.Bucket, in.Key, in.UploadId)
	}
	out = s3response.CopyPartResult{ETag: quoted(part.ETag), LastModified: part.ModifiedAt}
	if was.Versioned {
		out.CopySourceVersionId = was.VersionID
	}
	answer(&out, part.Checksum)
	return out, nil
}

// CompleteMultipartUpload makes the parts an object.
func (s *store) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (out s3response.CompleteMultipartUploadResult, _ string, err error) {
	u, begun, err := s.upload(ctx, in.Bucket, in.Key, in.UploadId)
	if err != nil {
		return out, "", err
	}
	if in.MultipartUpload == nil || len(in.MultipartUpload.Parts) == 0 {
		return out, "", s3err.GetAPIError(s3err.ErrMalformedXML)
	}
	there := map[int]howdah.Part{}
	for after := 0; ; {
		parts, err := u.Parts(s.ctx, after, 1000)
		if err != nil {
			return out, "", s.uploadError(err, in.Bucket, in.Key, in.UploadId)
		}
		for _, p := range parts {
			there[p.Number] = p
			after = p.Number
		}
		if len(parts) < 1000 {
			break
		}
	}
	parts := make([]howdah.Part, 0, len(in.MultipartUpload.Parts))
	for _, named := range in.MultipartUpload.Parts {
		p, ok := there[int(value(named.PartNumber))]
		if algorithm, sum := given(named); !ok || named.ETag == nil || strings.Trim(*named.ETag, `"`) != p.ETag ||
			sum != "" && p.Checksum != nil && p.Checksum.Algorithm == algorithm && p.Checksum.Value != sum {
			return out, "", s3err.GetInvalidPartErr(value(in.UploadId), value(named.PartNumber), value(named.ETag))
		}
		parts = append(parts, p)
	}
	options := conditions(in.IfMatch, in.IfNoneMatch)
	if begun.Put.Checksum != nil {
		if in.ChecksumType != "" && string(in.ChecksumType) != begun.Put.Checksum.Type {
			return out, "", s3err.GetChecksumTypeMismatchOnMpErr(types.ChecksumType(begun.Put.Checksum.Type))
		}
		c, err := combine(begun.Put.Checksum, parts)
		if err != nil {
			return out, "", s.fail(err, value(in.Bucket), value(in.Key))
		}
		if algorithm, sum := given(in); sum != "" && algorithm == c.Algorithm && strings.SplitN(sum, "-", 2)[0] != strings.SplitN(c.Value, "-", 2)[0] {
			return out, "", s3err.GetChecksumBadDigestErr(types.ChecksumAlgorithm(c.Algorithm))
		}
		options = append(options, howdah.WithChecksum(*c))
	}
	if in.MpuObjectSize != nil {
		var size int64
		for _, p := range parts {
			size += p.Size
		}
		if size != *in.MpuObjectSize {
			return out, "", s3err.GetIncorrectMpObjectSizeErr(size, *in.MpuObjectSize)
		}
	}
	info, err := u.Complete(s.ctx, parts, options...)
	if err != nil {
		return out, "", s.uploadError(err, in.Bucket, in.Key, in.UploadId)
	}
	out = s3response.CompleteMultipartUploadResult{Bucket: in.Bucket, Key: in.Key, ETag: quoted(info.ETag)}
	answer(&out, info.Checksum)
	return out, value(id(info)), nil
}

// AbortMultipartUpload ends an upload without an object.
func (s *store) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	u, _, err := s.upload(ctx, in.Bucket, in.Key, in.UploadId)
	if err != nil {
		return err
	}
	return s.uploadError(u.Abort(s.ctx), in.Bucket, in.Key, in.UploadId)
}

// ListParts lists the parts of an upload.
func (s *store) ListParts(ctx context.Context, in *s3.ListPartsInput) (out s3response.ListPartsResult, err error) {
	u, begun, err := s.upload(ctx, in.Bucket, in.Key, in.UploadId)
	if err != nil {
		return out, err
	}
	limit, after := int(value(in.MaxParts)), number(in.PartNumberMarker)
	parts, err := u.Parts(s.ctx, after, limit+1)
	if err != nil {
		return out, s.uploadError(err, in.Bucket, in.Key, in.UploadId)
	}
	out = s3response.ListPartsResult{Bucket: value(in.Bucket), Key: value(in.Key), UploadID: value(in.UploadId), PartNumberMarker: after,
		MaxParts: limit, StorageClass: types.StorageClassStandard}
	if len(parts) > limit {
		parts, out.IsTruncated = parts[:limit], true
	}
	if begun.Put.Checksum != nil {
		out.ChecksumAlgorithm, out.ChecksumType = types.ChecksumAlgorithm(begun.Put.Checksum.Algorithm), types.ChecksumType(begun.Put.Checksum.Type)
	}
	for _, p := range parts {
		part := s3response.Part{PartNumber: p.Number, Size: p.Size, ETag: *quoted(p.ETag), LastModified: p.ModifiedAt}
		if begun.Put.Checksum != nil {
			answer(&part, p.Checksum)
		}
		out.Parts = append(out.Parts, part)
		out.NextPartNumberMarker = p.Number
	}
	return out, nil
}

// number reads a marker; what is no number begins at the start.
func number(s *string) (n int) {
	for _, c := range value(s) {
		if c < '0' || c > '9' || n > 10_000 {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// ListMultipartUploads lists the uploads of a bucket that are neither completed nor aborted.
func (s *store) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (out s3response.ListMultipartUploadsResult, err error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return out, err
	}
	limit := int(value(in.MaxUploads))
	all, err := b.Uploads(s.ctx, value(in.Prefix), value(in.KeyMarker), value(in.UploadIdMarker), limit+1)
	if err != nil {
		return out, s.fail(err, b.Name(), "")
	}
	c := coderOf(ctx)
	out = s3response.ListMultipartUploadsResult{Bucket: b.Name(), KeyMarker: *c.text(value(in.KeyMarker)), UploadIDMarker: value(in.UploadIdMarker),
		Prefix: *c.text(value(in.Prefix)), Delimiter: *c.text(value(in.Delimiter)), MaxUploads: limit, EncodingType: string(c.kind())}
	if len(all) > limit {
		all, out.IsTruncated = all[:limit], true
	}
	common := map[string]bool{}
	for _, u := range all {
		out.NextKeyMarker, out.NextUploadIDMarker = *c.text(u.Key), u.ID
		if rest := strings.TrimPrefix(u.Key, value(in.Prefix)); value(in.Delimiter) != "" {
			if before, _, cut := strings.Cut(rest, *in.Delimiter); cut {
				if p := value(in.Prefix) + before + *in.Delimiter; !common[p] {
					common[p] = true
					out.CommonPrefixes = append(out.CommonPrefixes, s3response.CommonPrefix{Prefix: *c.text(p)})
				}
				continue
			}
		}
		up := s3response.Upload{Key: *c.text(u.Key), UploadID: u.ID, Initiated: u.CreatedAt.UTC(), StorageClass: types.StorageClassStandard}
		if u.Put.Checksum != nil {
			up.ChecksumAlgorithm, up.ChecksumType = types.ChecksumAlgorithm(u.Put.Checksum.Algorithm), types.ChecksumType(u.Put.Checksum.Type)
		}
		out.Uploads = append(out.Uploads, up)
	}
	return out, nil
}
