package s3

import (
	"context"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/valyala/fasthttp"
	"github.com/versity/versitygw/s3response"

	"github.com/howdah/howdah"
)

// coder writes keys into XML: as they are, or as in a URL where the client asked for that, because XML cannot hold all.
type coder struct{ url bool }

func coderOf(ctx context.Context) coder {
	r, ok := ctx.(*fasthttp.RequestCtx)
	return coder{ok && string(r.QueryArgs().Peek("encoding-type")) == "url"}
}

func (c coder) text(s string) *string {
	if c.url {
		s = strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "%2F", "/"), "+", "%20")
	}
	return &s
}

func (c coder) kind() types.EncodingType {
	if c.url {
		return types.EncodingTypeUrl
	}
	return ""
}

// page reads a page and whether more follows; next is where that begins.
func (s *store) page(b *howdah.Bucket, prefix, after, delimiter string, limit int32) (entries []howdah.ObjectEntry, next string, err error) {
	if limit <= 0 {
		return nil, "", nil
	}
	entries, err = b.ListPage(s.ctx, prefix, after, delimiter, int(limit)+1)
	if err != nil {
		return nil, "", s.fail(err, b.Name(), "")
	}
	if len(entries) > int(limit) {
		entries = entries[:limit]
		next = entries[limit-1].Key
	}
	return entries, next, nil
}

// split tells objects and common prefixes apart.
func (c coder) split(entries []howdah.ObjectEntry) (objects []s3response.Object, prefixes []types.CommonPrefix) {
	for _, e := range entries {
		if e.Object == nil {
			prefixes = append(prefixes, types.CommonPrefix{Prefix: c.text(e.Key)})
			continue
		}
		o := s3response.Object{Key: c.text(e.Key), Size: &e.Object.Size, ETag: quoted(e.Object.ETag), LastModified: &e.Object.ModifiedAt,
			StorageClass: types.ObjectStorageClassStandard}
		if sum := e.Object.Checksum; sum != nil {
			o.ChecksumAlgorithm, o.ChecksumType = []types.ChecksumAlgorithm{types.ChecksumAlgorithm(sum.Algorithm)}, types.ChecksumType(sum.Type)
		}
		objects = append(objects, o)
	}
	return objects, prefixes
}

// ListObjectsV2 lists objects a page at a time.
func (s *store) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (out s3response.ListObjectsV2Result, err error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return out, err
	}
	after := value(in.ContinuationToken)
	if after == "" {
		after = value(in.StartAfter)
	}
	entries, next, err := s.page(b, value(in.Prefix), after, value(in.Delimiter), value(in.MaxKeys))
	if err != nil {
		return out, err
	}
	c := coderOf(ctx)
	out = s3response.ListObjectsV2Result{Name: in.Bucket, Prefix: c.text(value(in.Prefix)), MaxKeys: in.MaxKeys, KeyCount: pointer(int32(len(entries))),
		IsTruncated: pointer(next != ""), EncodingType: c.kind(), ContinuationToken: some(value(in.ContinuationToken)), NextContinuationToken: some(next)}
	if value(in.Delimiter) != "" {
		out.Delimiter = c.text(*in.Delimiter)
	}
	if value(in.StartAfter) != "" {
		out.StartAfter = c.text(*in.StartAfter)
	}
	out.Contents, out.CommonPrefixes = c.split(entries)
	return out, nil
}

// ListObjects is the older form of ListObjectsV2.
func (s *store) ListObjects(ctx context.Context, in *s3.ListObjectsInput) (out s3response.ListObjectsResult, err error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return out, err
	}
	entries, next, err := s.page(b, value(in.Prefix), value(in.Marker), value(in.Delimiter), value(in.MaxKeys))
	if err != nil {
		return out, err
	}
	c := coderOf(ctx)
	out = s3response.ListObjectsResult{Name: in.Bucket, Prefix: c.text(value(in.Prefix)), Marker: c.text(value(in.Marker)), MaxKeys: in.MaxKeys,
		IsTruncated: pointer(next != ""), EncodingType: c.kind()}
	if value(in.Delimiter) != "" {
		out.Delimiter = c.text(*in.Delimiter)
	}
	if next != "" {
		out.NextMarker = c.text(next)
	}
	out.Contents, out.CommonPrefixes = c.split(entries)
	return out, nil
}

// ListObjectVersions lists versions and deletions, newest first within a key.
func (s *store) ListObjectVersions(ctx context.Context, in *s3.ListObjectVersionsInput) (out s3response.ListVersionsResult, err error) {
	b, err := s.bucket(ctx, in.Bucket, reads)
	if err != nil {
		return out, err
	}
	c, limit := coderOf(ctx), int(value(in.MaxKeys))
	out = s3response.ListVersionsResult{Name: in.Bucket, Prefix: c.text(value(in.Prefix)), MaxKeys: in.MaxKeys, EncodingType: c.kind(),
		KeyMarker: c.text(value(in.KeyMarker)), VersionIdMarker: some(value(in.VersionIdMarker)), IsTruncated: pointer(false)}
	if value(in.Delimiter) != "" {
		out.Delimiter = c.text(*in.Delimiter)
	}
	entries, err := b.VersionsPage(s.ctx, value(in.Prefix), value(in.KeyMarker), value(in.VersionIdMarker), value(in.Delimiter), limit+1)
	if err != nil {
		return out, s.fail(err, b.Name(), "")
	}
	if len(entries) > limit {
		out.IsTruncated = pointer(true)
		entries = entries[:limit]
		if limit > 0 {
			last := entries[limit-1]
			out.NextKeyMarker = c.text(last.Key)
			if last.Object != nil {
				out.NextVersionIdMarker = &last.Object.VersionID
			}
		}
	}
	for _, e := range entries {
		o := e.Object
		switch {
		case o == nil:
			out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: c.text(e.Key)})
		case o.Marker:
			out.DeleteMarkers = append(out.DeleteMarkers, types.DeleteMarkerEntry{Key: c.text(e.Key), VersionId: &o.VersionID, IsLatest: &o.Latest,
				LastModified: &o.ModifiedAt})
		default:
			out.Versions = append(out.Versions, s3response.ObjectVersion{Key: c.text(e.Key), VersionId: &o.VersionID, IsLatest: &o.Latest,
				LastModified: &o.ModifiedAt, Size: &o.Size, ETag: quoted(o.ETag), StorageClass: types.ObjectVersionStorageClassStandard})
		}
	}
	return out, nil
}
