package console

import (
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/howdah/howdah"
)

//go:embed templates static
var files embed.FS

// Config of a Console.
type Config struct {
	DB       *howdah.DB
	Log      *slog.Logger
	Version  string
	Token    string          // asked for at /login; empty: nobody is asked
	Lab      Lab             // nil: none is shown
	Stopping <-chan struct{} // closed when the server stops: open pages are let go
}

// Console serves the page. Run has to run as long as it serves.
type Console struct {
	Config
	sampler   *sampler
	mux       *http.ServeMux
	templates map[string]*template.Template
	assets    *assets
	session   *session
	cache     cache
}

// New makes the console.
func New(c Config) *Console {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	o := &Console{Config: c, sampler: newSampler(c.DB, c.Log), mux: http.NewServeMux(), session: newSession(c.Token)}
	o.assets = loadAssets()
	o.templates = loadTemplates(o.assets)
	o.routes()
	return o
}

func (c *Console) routes() {
	c.page("/{$}", "overview", c.overview, "headline", "flow", "problems", "consumers", "topics")
	c.page("/topics/{topic}", "topic", c.topic, "topic-head", "topic-flow", "topic-consumers")
	c.page("/topics/{topic}/events/{id}", "event", c.event, "event-way")
	c.page("/consumers/{consumer}", "consumer", c.consumer, "consumer-head", "consumer-flow", "claims", "pending", "dead")
	c.page("/consumers/{consumer}/{action}", "confirm", c.confirm)
	c.page("/problems", "problems", c.problems, "problem-list", "producers")
	c.page("/documents", "collections", c.collections)
	c.page("/documents/{collection}", "collection", c.collection)
	c.page("/documents/{collection}/document", "document", c.document)
	c.page("/objects", "buckets", c.buckets)
	c.page("/objects/{bucket}", "bucket", c.bucket)
	c.page("/objects/{bucket}/object", "object", c.object)
	c.mux.HandleFunc("GET /objects/{bucket}/download", c.download)
	c.page("/lab", "lab", c.lab, "lab-head", "lab-curves", "lab-alerts", "lab-drift", "lab-models", "lab-data")
	c.page("/lab/{action}", "confirm", c.confirmLab)
	c.mux.HandleFunc("POST /lab/{action}", c.actOnLab)
	c.mux.HandleFunc("GET /topics/{topic}/tail", c.tail)
	c.mux.HandleFunc("POST /consumers/{consumer}/{action}", c.act)
	c.mux.HandleFunc("POST /problems/check", c.check)
	c.mux.HandleFunc("POST /theme", c.theme)
	c.mux.HandleFunc("GET /go", c.jump)
	c.mux.HandleFunc("GET /topics", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/#topics", http.StatusSeeOther) })
	c.mux.HandleFunc("GET /consumers", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/#consumers", http.StatusSeeOther) })
	c.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, &pageError{http.StatusNotFound, "There is no page " + r.URL.Path + ".", "Start at the overview."})
	})
}

// ServeHTTP serves a page after the visitor has shown the token, where there is one.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	switch {
	case r.URL.Path == "/favicon.ico":
		http.Redirect(w, r, c.assets.url("icon.svg"), http.StatusFound)
	case c.assets.serves(r):
		c.assets.ServeHTTP(w, r)
	case r.URL.Path == "/login" || r.URL.Path == "/logout":
		c.login(w, r)
	case !c.session.holds(r):
		c.askForToken(w, r)
	default:
		c.mux.ServeHTTP(w, r)
	}
}

// secure keeps the page from being framed, sniffed or fed with anything that the server does not serve itself.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// patience is how long a page waits for the database before it says that it does not answer.
const patience = 10 * time.Second
