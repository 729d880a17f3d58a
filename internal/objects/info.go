package objects

import (
	"encoding/json"
	"fmt"
	"time"
)

// Info is what is known about a version of an object.
type Info struct {
	Bucket      string            `json:"bucket"`
	Key         string            `json:"key"`
	Size        int64             `json:"size"`
	ETag        string            `json:"etag"` // MD5 in hex; of an object in N parts that of their MD5s, and -N
	ContentType string            `json:"content_type"`
	SHA256      string            `json:"sha256,omitempty"` // in hex; empty for an object that came in several parts
	Metadata    map[string]string `json:"metadata,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"` // Cache-Control, Content-Disposition and their like
	Checksum    *Checksum         `json:"checksum,omitempty"`
	ModifiedAt  time.Time         `json:"modified_at"`
	VersionID   string            `json:"version_id"` // "null" where the bucket had no versioning when it was written
	Latest      bool              `json:"latest"`
	Marker      bool              `json:"marker,omitempty"` // the version is a deletion
	Versioned   bool              `json:"versioned"`        // the bucket keeps versions, or has kept them
	Parts       int               `json:"parts"`
}

// Checksum is one that an S3 client sent with an object and can ask for.
type Checksum struct {
	Algorithm string `json:"algorithm"` // CRC32, CRC32C, CRC64NVME, SHA1, SHA256
	Type      string `json:"type"`      // FULL_OBJECT, or COMPOSITE over those of the parts
	Value     string `json:"value"`     // base64
}

// Put says what an object is, beside its bytes. The JSON is what the SQL functions call info.
type Put struct {
	ContentType string            `json:"content_type,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Checksum    *Checksum         `json:"checksum,omitempty"`
	IfMatch     string            `json:"if_match,omitempty"`
	IfNoneMatch string            `json:"if_none_match,omitempty"`
	MD5         string            `json:"md5,omitempty"`
	SHA256      string            `json:"sha256,omitempty"`

	Size   int64            `json:"-"` // how many bytes will come; less than 0: unknown
	Ending func(*Put) error `json:"-"` // called when all bytes have been read, before the object is stored
}

func decode(b []byte) (Info, error) {
	var i Info
	if err := json.Unmarshal(b, &i); err != nil {
		return i, fmt.Errorf("what the database says of an object: %w", err)
	}
	i.ModifiedAt = i.ModifiedAt.UTC()
	return i, nil
}
