package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

// problem is RFC 9457's problem details, with the advice that PostgreSQL calls a hint.
type problem struct {
	huma.ErrorModel
	Code string `json:"code,omitempty"`
	Hint string `json:"hint,omitempty"`
	Line int    `json:"line,omitempty"`
}

// kinds is the one place where the kinds of errors become codes and statuses.
var kinds = []struct {
	kind   error
	status int
	code   string
}{
	{howdah.ErrNotFound, http.StatusNotFound, "not_found"},
	{howdah.ErrCondition, http.StatusPreconditionFailed, "condition"},
	{howdah.ErrNotEmpty, http.StatusConflict, "not_empty"},
	{howdah.ErrQuota, http.StatusInsufficientStorage, "quota"},
	{howdah.ErrGone, http.StatusConflict, "gone"},
	{howdah.ErrBodyLength, http.StatusBadRequest, "body_length"},
	{howdah.ErrExists, http.StatusConflict, "exists"},
	{howdah.ErrClaimLost, http.StatusConflict, "claim_lost"},
	{howdah.ErrDenied, http.StatusForbidden, "denied"},
	{howdah.ErrInvalid, http.StatusBadRequest, "invalid"},
	{howdah.ErrRefused, http.StatusBadRequest, "refused"},
	{howdah.ErrVersion, http.StatusConflict, "version"},
	{howdah.ErrBusy, http.StatusServiceUnavailable, "busy"},
	{howdah.ErrSequenceBack, http.StatusConflict, "sequence_back"},
	{errStalled, http.StatusRequestTimeout, "stalled"},
	{errStopping, http.StatusServiceUnavailable, "stopping"},
}

var errStopping = errors.New("the server is stopping; try another one, or again")

// fail turns an error into an answer. What is no mistake of the client's is logged, and answered without internals.
func (a *api) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var done *problem
	if errors.As(err, &done) {
		return done
	}
	p := &problem{}
	var e *howdah.Error
	if errors.As(err, &e) {
		p.Hint = e.Hint
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			p.Status, p.Code, p.Detail = k.status, k.code, err.Error()
			break
		}
	}
	switch {
	case p.Status != 0:
	case ctx.Err() != nil: // nobody reads the answer
		p.Status, p.Code, p.Detail = http.StatusServiceUnavailable, "cancelled", "the request was cancelled"
	case e != nil && !howdah.IsTemporary(err):
		a.Log.Error("the database refused", "error", err)
		p.Status, p.Code, p.Detail = http.StatusInternalServerError, "internal", "the database refused; the server's log says why"
	default:
		a.Log.Error("the database does not answer", "error", err)
		p.Status, p.Code, p.Detail = http.StatusServiceUnavailable, "unavailable",
			"the database does not answer; what was to be written may or may not be stored"
		p.Hint = "Try again; for a publish that must not be doubled, look first whether the event is there."
	}
	p.Title = http.StatusText(p.Status)
	return p
}

func invalid(detail, hint string) *problem {
	return &problem{Code: "invalid", Hint: hint,
		ErrorModel: huma.ErrorModel{Status: http.StatusBadRequest, Title: http.StatusText(http.StatusBadRequest), Detail: detail}}
}

// unknown answers what no route takes as all other errors are answered; the mux has plain text for it.
func unknown(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := refusal{ResponseWriter: w}
		h.ServeHTTP(&said, r)
		const all = "GET /openapi.json describes all there is."
		switch said.status {
		case http.StatusNotFound:
			WriteProblem(w, said.status, "not_found", "there is no "+r.URL.Path, all)
		case http.StatusMethodNotAllowed:
			WriteProblem(w, said.status, "invalid", r.URL.Path+" cannot be asked to "+r.Method, w.Header().Get("Allow")+" work. "+all)
		default: // a redirection
			w.WriteHeader(said.status)
		}
	})
}

// refusal takes the status of an answer and leaves its text.
type refusal struct {
	http.ResponseWriter
	status int
}

func (r *refusal) WriteHeader(status int)      { r.status = status }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }

// describeErrors adds the extra members to the schema of errors.
func (a *api) describeErrors() {
	if s := a.huma.OpenAPI().Components.Schemas.Map()["ErrorModel"]; s != nil {
		s.Properties["code"] = &huma.Schema{Type: "string", Description: "Which kind of error, for programs."}
		s.Properties["hint"] = &huma.Schema{Type: "string", Description: "What to do."}
		s.Properties["line"] = &huma.Schema{Type: "integer", Description: "The line of an NDJSON body that is wrong."}
	}
}
