package howdah

import (
	"strings"

	"github.com/howdah/howdah/internal/objects"
)

// Checksum is one that an S3 client sent with an object and can ask for.
type Checksum = objects.Checksum

// An ObjectOption says something about an object that is written, or which one is meant.
type ObjectOption func(*objectOptions)

type objectOptions struct {
	put     objects.Put
	version string
	from    string
	ending  func() ([]ObjectOption, error)
}

func objectOptionsOf(options []ObjectOption) *objectOptions {
	o := &objectOptions{put: objects.Put{Size: -1}}
	for _, f := range options {
		f(o)
	}
	if o.ending != nil {
		o.put.Ending = func(p *objects.Put) error {
			more, err := o.ending()
			late := &objectOptions{put: *p}
			for _, f := range more {
				f(late)
			}
			late.put.MD5, late.put.SHA256 = p.MD5, p.SHA256
			*p = late.put
			return err
		}
	}
	return o
}

// ContentType of an object; the default is application/octet-stream.
func ContentType(t string) ObjectOption { return func(o *objectOptions) { o.put.ContentType = t } }

// Metadata is the user's own, a value for each name. Names are kept in small letters, as S3 does.
func Metadata(m map[string]string) ObjectOption {
	return func(o *objectOptions) {
		o.put.Metadata = map[string]string{}
		for k, v := range m {
			o.put.Metadata[strings.ToLower(k)] = v
		}
	}
}

// Tags can be changed later with Bucket.Tag, other than metadata.
func Tags(tags map[string]string) ObjectOption {
	return func(o *objectOptions) { o.put.Tags = clone(tags) }
}

// Headers are sent with the object over HTTP: Cache-Control, Content-Disposition, Content-Encoding, Content-Language, Expires.
func Headers(h map[string]string) ObjectOption {
	return func(o *objectOptions) { o.put.Headers = clone(h) }
}

// Size announces how many bytes will come: a body that is shorter or longer is refused.
func Size(bytes int64) ObjectOption { return func(o *objectOptions) { o.put.Size = bytes } }

// IfMatch writes or deletes only if the object has that entity tag now; "*": only if it exists. Otherwise ErrCondition,
// or ErrNotFound where there is no object.
func IfMatch(etag string) ObjectOption { return func(o *objectOptions) { o.put.IfMatch = etag } }

// IfAbsent writes only if there is no object of that key; otherwise ErrCondition.
func IfAbsent() ObjectOption { return func(o *objectOptions) { o.put.IfNoneMatch = "*" } }

// IfNoneMatch writes only if the object does not have that entity tag.
func IfNoneMatch(etag string) ObjectOption {
	return func(o *objectOptions) { o.put.IfNoneMatch = etag }
}

// Version means a version of an object instead of the latest: see ObjectInfo.VersionID.
func Version(id string) ObjectOption { return func(o *objectOptions) { o.version = id } }

// FromBucket copies from another bucket.
func FromBucket(name string) ObjectOption { return func(o *objectOptions) { o.from = name } }

// WithChecksum keeps a checksum with an object, to be asked for later. It is not compared with the bytes.
func WithChecksum(c Checksum) ObjectOption { return func(o *objectOptions) { o.put.Checksum = &c } }

// AtEnd calls f when the body has been read to its end and before the object is stored: its error refuses the object,
// its options say what is known only now.
func AtEnd(f func() ([]ObjectOption, error)) ObjectOption {
	return func(o *objectOptions) { o.ending = f }
}

func clone(m map[string]string) map[string]string {
	c := make(map[string]string, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}
