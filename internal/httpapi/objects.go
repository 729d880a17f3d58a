package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/howdah/howdah"
)

// objectRoutes serve the bytes of objects under links: keys have slashes in them, and bodies are streams, which huma's
// inputs are not. They are described by hand.
func (a *api) objectRoutes() {
	where := []*huma.Param{
		{Name: "bucket", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}},
		{Name: "key", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}, Description: "The rest of the path, slashes and all."},
		{Name: "version", In: "query", Schema: &huma.Schema{Type: "string"}, Description: "A version instead of the latest; not for PUT."},
	}
	bytes := map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
	info := a.huma.OpenAPI().Components.Schemas.Schema(typeOf[howdah.ObjectInfo](), true, "ObjectInfo")
	for _, o := range []struct {
		method, id, summary string
		body                *huma.RequestBody
		answer              *huma.Response
	}{
		{http.MethodGet, "get-object", "Read an object; Range, If-Match and If-None-Match work", nil, &huma.Response{Description: "Its bytes.", Content: bytes}},
		{http.MethodPut, "put-object", "Store an object; If-Match and If-None-Match work", &huma.RequestBody{Content: bytes},
			&huma.Response{Description: "It is stored.", Content: map[string]*huma.MediaType{"application/json": {Schema: info}}}},
		{http.MethodDelete, "delete-object", "Delete an object, or a version of it", nil, &huma.Response{Description: "There is none now."}},
	} {
		op := a.op(o.method, "/v1/buckets/{bucket}/objects/{key}", o.id, o.summary, "objects")
		status := map[string]string{http.MethodPut: "201", http.MethodGet: "200", http.MethodDelete: "204"}[o.method]
		op.Parameters, op.RequestBody, op.Responses = where, o.body, map[string]*huma.Response{status: o.answer}
		a.huma.OpenAPI().AddOperation(&op)
	}
}

// objectLinks serves the links of objects and passes on the rest. http.ServeMux would send a client that asks for a//b or
// a/../b to another object.
func (a *api) objectLinks(rest http.Handler) http.Handler {
	methods := map[string]http.HandlerFunc{http.MethodGet: a.getObject, http.MethodHead: a.getObject, http.MethodPut: a.putObject, http.MethodDelete: a.deleteObject}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		below, ok := strings.CutPrefix(r.URL.EscapedPath(), "/v1/buckets/")
		bucket, key, found := strings.Cut(below, "/objects/")
		if !ok || !found || strings.Contains(bucket, "/") {
			rest.ServeHTTP(w, r)
			return
		}
		h := methods[r.Method]
		if h == nil {
			w.Header().Set("Allow", "GET, HEAD, PUT, DELETE")
			p := invalid("an object cannot be asked to "+r.Method, "GET, HEAD, PUT and DELETE work.")
			p.Status, p.Title = http.StatusMethodNotAllowed, http.StatusText(http.StatusMethodNotAllowed)
			a.writeError(w, p)
			return
		}
		for name, escaped := range map[string]string{"bucket": bucket, "key": key} {
			v, err := url.PathUnescape(escaped)
			if err != nil {
				a.writeError(w, invalid(err.Error(), "Escape the key for URLs."))
				return
			}
			r.SetPathValue(name, v)
		}
		h(w, r)
	})
}

func versionOf(r *http.Request) []howdah.ObjectOption {
	if v := r.URL.Query().Get("version"); v != "" {
		return []howdah.ObjectOption{howdah.Version(v)}
	}
	return nil
}

func (a *api) getObject(w http.ResponseWriter, r *http.Request) {
	o, err := a.DB.Bucket(r.PathValue("bucket")).Open(r.Context(), r.PathValue("key"), versionOf(r)...)
	if err != nil {
		a.writeError(w, a.fail(r.Context(), err))
		return
	}
	defer func() { _ = o.Close() }()
	info := o.Info()
	h := w.Header()
	for name, v := range info.Headers {
		h.Set(name, v)
	}
	h.Set("Content-Type", info.ContentType)
	h.Set("ETag", `"`+info.ETag+`"`)
	h.Set("X-Content-Type-Options", "nosniff")
	// What somebody stored must not run as a page of this server.
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	if h.Get("Content-Disposition") == "" {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(info.Key)}))
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	http.ServeContent(w, r, "", info.ModifiedAt, o)
}

func (a *api) putObject(w http.ResponseWriter, r *http.Request) {
	body := &arriving{Reader: r.Body, out: http.NewResponseController(w), idle: a.Idle}
	options := []howdah.ObjectOption{howdah.Size(r.ContentLength), howdah.ContentType(r.Header.Get("Content-Type"))}
	if v := r.Header.Get("If-Match"); v != "" {
		options = append(options, howdah.IfMatch(v))
	}
	if v := r.Header.Get("If-None-Match"); v != "" {
		options = append(options, howdah.IfNoneMatch(v))
	}
	metadata := map[string]string{}
	for name, v := range r.Header {
		if rest, ok := strings.CutPrefix(name, "X-Meta-"); ok && len(v) > 0 {
			metadata[rest] = v[0]
		}
	}
	info, err := a.DB.Bucket(r.PathValue("bucket")).Put(r.Context(), r.PathValue("key"), body, append(options, howdah.Metadata(metadata))...)
	if err != nil {
		a.writeError(w, a.fail(r.Context(), err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(info)
}

func (a *api) deleteObject(w http.ResponseWriter, r *http.Request) {
	options := versionOf(r)
	if v := r.Header.Get("If-Match"); v != "" {
		options = append(options, howdah.IfMatch(v))
	}
	if _, err := a.DB.Bucket(r.PathValue("bucket")).Delete(r.Context(), r.PathValue("key"), options...); err != nil {
		a.writeError(w, a.fail(r.Context(), err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

var errStalled = errors.New("the rest of the body did not arrive in time; send it again")

// arriving reads a body that may take as long as it likes, as long as something arrives.
type arriving struct {
	io.Reader
	out  *http.ResponseController
	idle time.Duration
}

// Read implements io.Reader.
func (b *arriving) Read(p []byte) (int, error) {
	if err := b.out.SetReadDeadline(time.Now().Add(b.idle)); err != nil {
		return 0, err
	}
	n, err := b.Reader.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, fmt.Errorf("%w: %w", errStalled, err)
	}
	if err != nil { // the server goes on reading, to learn when the client goes away
		_ = b.out.SetReadDeadline(time.Time{})
	}
	return n, err
}
