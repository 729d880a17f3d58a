package howdah

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah/internal/objects"
)

// Errors for errors.Is. The error that is returned says more: what was wrong, with what value, and what to do.
var (
	ErrNotFound     = errors.New("not found")                // no topic, consumer, collection or document of that name
	ErrExists       = errors.New("exists with other values") // created before, differently
	ErrInvalid      = errors.New("invalid argument")         // a value out of range, a bad name, invalid JSON
	ErrDenied       = errors.New("permission denied")        // the role lacks a right
	ErrClaimLost    = errors.New("claim no longer held")     // the lease passed, or the claim was ended
	ErrBusy         = errors.New("busy")                     // a lock was waited for in vain; try again
	ErrSequenceBack = errors.New("sequence went back")       // new events would never be delivered
	ErrRefused      = errors.New("refused")                  // the guard refused an id
	ErrVersion      = errors.New("version conflict")         // a document has another version than IfVersion says
)

// Errors of buckets and objects. Those for what is not there are ErrNotFound too.
var (
	ErrNoBucket   = fmt.Errorf("%w: no such bucket", ErrNotFound)
	ErrNoObject   = fmt.Errorf("%w: no such object", ErrNotFound)
	ErrNoVersion  = fmt.Errorf("%w: no such version", ErrNotFound)
	ErrNoUpload   = fmt.Errorf("%w: no such upload", ErrNotFound)
	ErrDeletion   = fmt.Errorf("%w: the version is a deletion", ErrNotFound)
	ErrCondition  = errors.New("condition not met")         // IfMatch, IfAbsent, IfNoneMatch
	ErrNotEmpty   = errors.New("bucket not empty")          // its objects have to be deleted first
	ErrQuota      = errors.New("quota exceeded")            // of the bucket
	ErrBadKey     = fmt.Errorf("%w: key", ErrInvalid)       // empty, or longer than 1,024 bytes
	ErrBadPart    = fmt.Errorf("%w: part", ErrInvalid)      // not uploaded, or with another entity tag
	ErrPartOrder  = fmt.Errorf("%w: order", ErrInvalid)     // of the parts
	ErrSmallPart  = fmt.Errorf("%w: too small", ErrInvalid) // a part that is not the last
	ErrGone       = errors.New("gone")                      // bytes that were collected while they were read or written
	ErrBodyLength = errors.New("body of another length")    // than announced
)

var kinds = map[string]error{
	"42704": ErrNotFound,
	"42710": ErrExists, "42P07": ErrExists, "2BP01": ErrExists,
	"22023": ErrInvalid, "42602": ErrInvalid, "22004": ErrInvalid, "22P02": ErrInvalid, "0A000": ErrInvalid, "25000": ErrInvalid,
	"22P05": ErrInvalid, "22021": ErrInvalid, "23514": ErrInvalid, "22007": ErrInvalid, "22008": ErrInvalid,
	"42501": ErrDenied,
	"55P03": ErrBusy,
	"HW101": ErrNoBucket, "HW102": ErrNoObject, "HW103": ErrCondition, "HW104": ErrGone, "HW105": ErrNotEmpty, "HW106": ErrBadKey,
	"HW107": ErrQuota, "HW108": ErrNoVersion, "HW109": ErrDeletion, "HW110": ErrNoUpload, "HW111": ErrPartOrder, "HW112": ErrBadPart,
	"HW113": ErrSmallPart,
	"HW001": ErrClaimLost, "HW002": ErrSequenceBack, "HW003": ErrRefused, "HW005": ErrVersion,
}

// Error is what the database answered: PostgreSQL's message, its hint of what to do, and the kind for errors.Is.
type Error struct {
	Kind error // one of the Err… variables, or nil
	Op   string
	Hint string
	err  error
}

func (e *Error) Error() string {
	var pg *pgconn.PgError
	if !errors.As(e.err, &pg) {
		return e.Op + ": " + e.err.Error()
	}
	s := e.Op + ": " + pg.Message
	if pg.Detail != "" {
		s += " (" + pg.Detail + ")"
	}
	if pg.Hint != "" {
		s += "; " + pg.Hint
	}
	return s
}

// Unwrap gives the kind and the driver's error.
func (e *Error) Unwrap() []error {
	if e.Kind == nil {
		return []error{e.err}
	}
	return []error{e.Kind, e.err}
}

// wrap says what was being done, and finds the kind of PostgreSQL's errors.
func wrap(err error, op string, args ...any) error {
	if err == nil {
		return nil
	}
	op = fmt.Sprintf(op, args...)
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return &Error{Kind: kinds[pg.Code], Op: op, Hint: pg.Hint, err: err}
	}
	if errors.Is(err, objects.ErrShort) || errors.Is(err, objects.ErrLong) {
		return fmt.Errorf("%s: %w: %w", op, ErrBodyLength, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}
