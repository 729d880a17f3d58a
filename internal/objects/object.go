package objects

import (
	"context"
	"encoding/json"
)

// Head says what is known about an object.
func Head(ctx context.Context, q Querier, bucket, key, version string) (Info, error) {
	return one(ctx, q, "select howdah.head_object($1::text, $2::text, $3::text)", bucket, key, orNull(version))
}

// PartSizes gives the sizes of an object's pieces: of the parts of a multipart upload.
func PartSizes(ctx context.Context, q Querier, bucket, key, version string) (sizes []int64, err error) {
	err = q.QueryRow(ctx, "select howdah.object_parts($1::text, $2::text, $3::text)", bucket, key, orNull(version)).Scan(&sizes)
	return sizes, err
}

// Delete deletes an object or a version, and tells what went or which deletion was added; ok is false where nothing was.
func Delete(ctx context.Context, q Querier, bucket, key, version, ifMatch string) (info Info, ok bool, err error) {
	var b []byte
	err = q.QueryRow(ctx, "select howdah.delete_object($1::text, $2::text, $3::text, $4::text)", bucket, key, orNull(version), orNull(ifMatch)).Scan(&b)
	if err != nil || b == nil {
		return Info{}, false, err
	}
	info, err = decode(b)
	return info, true, err
}

// A Source is what is copied.
type Source struct{ Bucket, Key, Version string }

// Copy copies an object without reading it. p says what shall be different; an empty map replaces, nil does not.
func Copy(ctx context.Context, q Querier, from Source, bucket, key string, p Put) (Info, error) {
	said := map[string]any{}
	if p.ContentType != "" {
		said["content_type"] = p.ContentType
	}
	for name, m := range map[string]map[string]string{"headers": p.Headers, "metadata": p.Metadata, "tags": p.Tags} {
		if m != nil {
			said[name] = m
		}
	}
	if p.Checksum != nil {
		said["checksum"] = p.Checksum
	}
	for name, s := range map[string]string{"if_match": p.IfMatch, "if_none_match": p.IfNoneMatch} {
		if s != "" {
			said[name] = s
		}
	}
	info, err := json.Marshal(said)
	if err != nil {
		return Info{}, err
	}
	return one(ctx, q, "select howdah.copy_object($1::text, $2::text, $3::text, $4::text, $5::text, $6::jsonb)",
		from.Bucket, from.Key, orNull(from.Version), bucket, key, string(info))
}

// Tag sets the tags of an object in place of those it had.
func Tag(ctx context.Context, q Querier, bucket, key, version string, tags map[string]string) (Info, error) {
	if tags == nil {
		tags = map[string]string{}
	}
	b, err := json.Marshal(tags)
	if err != nil {
		return Info{}, err
	}
	return one(ctx, q, "select howdah.tag_object($1::text, $2::text, $3::jsonb, $4::text)", bucket, key, string(b), orNull(version))
}
