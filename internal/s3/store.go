package s3

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3err"

	"github.com/howdah/howdah"
)

// store is the backend that the library calls: S3's operations in Howdah's terms. The context of a request is only asked
// for the account: it does not live as long as the body of an answer.
type store struct {
	backend.BackendUnsupported
	ctx  context.Context
	db   *howdah.DB
	keys *keys
	log  *slog.Logger

	windows sync.Pool // of *bufio.Reader
}

var _ backend.Backend = (*store)(nil)

// String names the backend.
func (s *store) String() string { return "howdah" }

// right is what a key may do with a bucket.
type right int

const (
	reads right = iota
	writes
	owns // creates, alters and drops buckets
)

// bucket gives the bucket of a request, if its key has that right.
func (s *store) bucket(ctx context.Context, name *string, want right) (*howdah.Bucket, error) {
	if err := s.may(ctx, value(name), want); err != nil {
		return nil, err
	}
	return s.db.Bucket(value(name)), nil
}

// may looks at the rights of the key that signed. Requests without a key never come here: no bucket is public.
func (s *store) may(ctx context.Context, bucket string, want right) error {
	account, _ := ctx.Value("account").(auth.Account)
	k, err := s.keys.find(account.Access)
	if err != nil {
		return s.fail(err, bucket, "")
	}
	if k.ok && (k.Buckets == nil || want == reads && k.Buckets[bucket] != "" || want == writes && k.Buckets[bucket] == "write") {
		return nil
	}
	return s3err.GetAPIError(s3err.ErrAccessDenied)
}

// errors of Howdah as S3 calls them, the more special ones first.
var codes = []struct {
	kind error
	code s3err.ErrorCode
}{
	{howdah.ErrNoObject, s3err.ErrNoSuchKey},
	{howdah.ErrNotEmpty, s3err.ErrBucketNotEmpty},
	{howdah.ErrQuota, s3err.ErrQuotaExceeded},
	{howdah.ErrBadPart, s3err.ErrInvalidPart},
	{howdah.ErrPartOrder, s3err.ErrInvalidPartOrder},
	{howdah.ErrSmallPart, s3err.ErrEntityTooSmall},
	{howdah.ErrBodyLength, s3err.ErrIncompleteBody},
	{io.ErrUnexpectedEOF, s3err.ErrIncompleteBody},
	{howdah.ErrGone, s3err.ErrNoSuchKey},
	{howdah.ErrDenied, s3err.ErrAccessDenied},
	{howdah.ErrExists, s3err.ErrBucketAlreadyExists},
	{howdah.ErrBusy, s3err.ErrSlowDown},
	{howdah.ErrInvalid, s3err.ErrInvalidRequest},
}

// fail turns an error into S3's answer. What is nobody's mistake but ours is logged, and answered without internals.
func (s *store) fail(err error, bucket, key string) error {
	var done s3err.S3Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &done): // also what a body's reader found: a wrong checksum, a wrong signature
		return done
	case errors.Is(err, errStalled):
		return s3err.APIError{Code: "RequestTimeout", HTTPStatusCode: http.StatusBadRequest,
			Description: "Your socket connection to the server was not read from or written to within the timeout period."}
	case errors.Is(err, howdah.ErrNoBucket):
		return s3err.GetBucketErr(s3err.ErrNoSuchBucket, bucket)
	case errors.Is(err, howdah.ErrCondition):
		return s3err.GetAPIError(s3err.ErrPreconditionFailed)
	case errors.Is(err, howdah.ErrBadKey):
		return s3err.GetKeyTooLongErr(int64(len(key)), 1024)
	case errors.Is(err, howdah.ErrNoUpload):
		return s3err.GetNoSuchUploadErr("")
	case errors.Is(err, howdah.ErrDeletion):
		return s3err.GetMethodNotAllowedErr("GET", s3err.ResourceTypeObject, nil)
	}
	for _, c := range codes {
		if errors.Is(err, c.kind) {
			return s3err.GetAPIError(c.code)
		}
	}
	if howdah.IsTemporary(err) {
		s.log.Error("the database does not answer", "error", err)
		return s3err.GetAPIError(s3err.ErrSlowDown)
	}
	s.log.Error("an S3 request failed", "bucket", bucket, "key", key, "error", err)
	return s3err.GetAPIError(s3err.ErrInternalError)
}

// GetBucketAcl answers for the library, which asks at every request; the operation itself finds that there is no bucket.
func (s *store) GetBucketAcl(context.Context, *s3.GetBucketAclInput) ([]byte, error) {
	return json.Marshal(auth.ACL{})
}

// GetObjectLockConfiguration answers for the library, which asks before it writes: there are no locks.
func (s *store) GetObjectLockConfiguration(context.Context, string) ([]byte, error) {
	return nil, s3err.GetAPIError(s3err.ErrObjectLockConfigurationNotFound)
}

// GetBucketPolicy says that there is none.
func (s *store) GetBucketPolicy(context.Context, string) ([]byte, error) {
	return nil, s3err.GetAPIError(s3err.ErrNoSuchBucketPolicy)
}

// GetBucketCors says that there is none.
func (s *store) GetBucketCors(context.Context, string) ([]byte, error) {
	return nil, s3err.GetAPIError(s3err.ErrNoSuchCORSConfiguration)
}

// A string is a copy: the library's own lie in the buffer of the request, which is used again when the handler has
// returned, and bodies of answers, connections and caches live longer.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	if text, ok := any(v).(string); ok {
		v, _ = any(strings.Clone(text)).(T)
	}
	return v
}

func pointer[T any](v T) *T { return &v }

// some is nil for an empty text, so that no header is sent.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func quoted(etag string) *string { return pointer(`"` + etag + `"`) }
