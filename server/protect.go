package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/howdah/howdah/internal/httpapi"
)

// loopback says whether only this machine can reach a host to listen on.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// protect keeps web pages of elsewhere out, which a browser may show: they can neither write (cross-origin) nor, where
// there is no token, read under a name of their own (DNS rebinding).
func (s *Server) protect(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		httpapi.WriteProblem(w, http.StatusForbidden, "cross_origin", "a web page of another origin asked for a change", "Call the API from a program, or from its own origin.")
	}))
	next = origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.c.Token == "" && r.URL.Path != "/healthz" {
			host := r.Host
			if h, _, err := net.SplitHostPort(host); err == nil {
				host = h
			}
			if !loopback(strings.Trim(host, "[]")) {
				httpapi.WriteProblem(w, http.StatusForbidden, "host", "the name "+r.Host+" is not one of this machine's loopback", "Use 127.0.0.1 or localhost, or give the server a token.")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// askForToken asks the API's clients for the token, where there is one. The page asks for itself: a browser sends no header.
func (s *Server) askForToken(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(s.c.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.c.Token != "" && r.URL.Path != "/healthz" {
			kind, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			got := sha256.Sum256([]byte(strings.TrimSpace(token)))
			if !strings.EqualFold(kind, "bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
				w.Header().Set("WWW-Authenticate", `Bearer realm="howdah"`)
				httpapi.WriteProblem(w, http.StatusUnauthorized, "token", "the token is missing or wrong", "Send the header Authorization: Bearer TOKEN.")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// divide sends what belongs to the API there, and everything else to the page.
func divide(api, page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.Path
		if strings.HasPrefix(p, "/v1/") || p == "/healthz" || p == "/metrics" || strings.HasPrefix(p, "/openapi") {
			api.ServeHTTP(w, r)
			return
		}
		page.ServeHTTP(w, r)
	})
}

// jsonByDefault takes the content type that curl sends unasked for what it is here: JSON, or the bytes of an object.
func jsonByDefault(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
			kind := "application/json"
			if strings.HasPrefix(r.URL.Path, "/v1/buckets/") && r.Method == http.MethodPut {
				kind = "application/octet-stream"
			}
			r.Header.Set("Content-Type", kind)
		}
		next.ServeHTTP(w, r)
	})
}

// observe logs requests: failures of the server as errors, everything else for debugging. Payloads and tokens are not
// logged.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		o := &observed{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(o, r)
		level := slog.LevelDebug
		if o.status >= 500 {
			level = slog.LevelError
		}
		s.c.Log.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
			slog.Int("status", o.status), slog.Duration("took", time.Since(began)), slog.String("from", r.RemoteAddr))
	})
}

type observed struct {
	http.ResponseWriter
	status int
}

func (o *observed) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// Unwrap lets a stream reach Flush and the deadlines.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
