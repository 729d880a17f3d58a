package console

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/howdah/howdah"
)

// Base is what every page shows around its content.
type Base struct {
	Title    string
	Version  string
	Theme    string // light, dark or empty: the system's
	Path     string // of this page, with its query
	Live     string // where its changes come from; empty: it does not change
	Section  string // of the navigation
	Problems int
	Worst    string // level of the worst problem
	Down     string // the database does not answer: since when
	Flash    string // what the last action did
	Token    bool   // one can log out
	HasLab   bool
	Bare     bool // without navigation
	Names    []string
}

// Common makes a page's view known to render.
func (b *Base) Common() *Base { return b }

type view interface{ Common() *Base }

func (c *Console) base(r *http.Request, title string) Base {
	b := Base{Title: title, Version: c.Version, Path: r.URL.RequestURI(), Token: c.Token != "", HasLab: c.Lab != nil}
	if t, err := r.Cookie("howdah_theme"); err == nil && (t.Value == "light" || t.Value == "dark") {
		b.Theme = t.Value
	}
	s := c.sampler
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Problems = len(s.problems)
	for _, p := range s.problems {
		if b.Worst != "error" {
			b.Worst = p.Level
		}
	}
	if s.err != nil {
		b.Down = "The database does not answer. What you see is the last that was seen."
		if !s.figures.At.IsZero() {
			b.Down = fmt.Sprintf("The database does not answer since %s UTC. What you see is older.", s.figures.At.Format("15:04:05"))
		}
	}
	for _, t := range s.figures.Topics {
		b.Names = append(b.Names, t.Topic)
	}
	for _, k := range s.figures.Consumers {
		b.Names = append(b.Names, k.Consumer)
	}
	return b
}

func loadTemplates(a *assets) map[string]*template.Template {
	funcs := template.FuncMap{
		"asset": a.url, "n": number, "rate": rateText, "bytes": sizeText, "ago": ago, "due": due, "seconds": secondsText, "clock": clock, "stamp": stamp,
		"pretty": pretty, "preview": preview, "list": func(v ...any) []any { return v }, "dict": dict, "plural": plural, "deref": func(p *float64) float64 { return *p },
		"capped": capped, "docurl": documentURL, "objurl": func(bucket, key string) string { return objectURL(bucket, key, "") }, "known": known, "percent": func(f float64) int { return int(min(max(f, 0), 1) * 100) },
		"half": func(f float64) int { return int(100 * min(max(2*f, 0), 1)) },
		"f3":   func(f float64) string { return fmt.Sprintf("%.3f", f) }, "join": strings.Join, "day": func(v *labView, t any) string {
			at, ok := instant(t)
			if !ok {
				return "–"
			}
			return v.DayText(at)
		}, "value": func(p *int64) int64 { return *p },
	}
	shared := template.Must(template.New("").Funcs(funcs).ParseFS(files, "templates/layout.html", "templates/parts.html"))
	pages, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	all := map[string]*template.Template{}
	for _, name := range pages {
		base := strings.TrimSuffix(path.Base(name), ".html")
		if base != "layout" && base != "parts" {
			all[base] = template.Must(template.Must(shared.Clone()).ParseFS(files, name))
		}
	}
	return all
}

// dict makes a map for a template that takes several values.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict needs pairs")
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

func (c *Console) render(w http.ResponseWriter, name string, v view) {
	var b bytes.Buffer
	if err := c.templates[name].ExecuteTemplate(&b, "layout", v); err != nil {
		c.Log.Error("render a page", "page", name, "error", err)
		http.Error(w, "the page could not be rendered; the server's log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// block renders a part of a page.
func (c *Console) block(page, name string, v view) (string, error) {
	var b bytes.Buffer
	err := c.templates[page].ExecuteTemplate(&b, name, v)
	return b.String(), err
}

// pageError is an error of the visitor's, in words.
type pageError struct {
	status int
	Says   string
	Hint   string
}

func (e *pageError) Error() string { return e.Says }

// statuses is the one place where the kinds of errors become HTTP statuses here.
var statuses = []struct {
	kind   error
	status int
}{
	{howdah.ErrNotFound, http.StatusNotFound},
	{howdah.ErrInvalid, http.StatusBadRequest},
	{howdah.ErrRefused, http.StatusBadRequest},
	{howdah.ErrExists, http.StatusConflict},
	{howdah.ErrClaimLost, http.StatusConflict},
	{howdah.ErrSequenceBack, http.StatusConflict},
	{howdah.ErrDenied, http.StatusForbidden},
	{howdah.ErrBusy, http.StatusServiceUnavailable},
}

// explain turns an error into words for the visitor. What is no mistake of theirs is logged, and shown without internals.
func (c *Console) explain(err error) *pageError {
	var p *pageError
	if errors.As(err, &p) {
		return p
	}
	for _, s := range statuses {
		if errors.Is(err, s.kind) {
			p = &pageError{status: s.status, Says: err.Error()}
			var e *howdah.Error
			if errors.As(err, &e) && e.Hint != "" {
				p.Says, p.Hint = strings.TrimSuffix(p.Says, "; "+e.Hint), e.Hint
			}
			return p
		}
	}
	c.Log.Error("a page failed", "error", err)
	if howdah.IsTemporary(err) {
		return &pageError{http.StatusServiceUnavailable, "The database does not answer.", "The page tries again when it is loaded again."}
	}
	return &pageError{http.StatusInternalServerError, "The database refused.", "The server's log says why."}
}

type errorView struct {
	Base
	Status     int
	Says, Hint string
}

func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := c.explain(err)
	v := &errorView{Base: c.base(r, http.StatusText(p.status)), Status: p.status, Says: p.Says, Hint: p.Hint}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.status)
	c.render(w, "error", v)
}
