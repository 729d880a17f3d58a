package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// session knows who has shown the token: by a cookie that holds a time and its signature, never the token itself. The
// cookie opens the page, not the API.
type session struct {
	token string
	key   []byte
}

const (
	sessionCookie = "howdah_session"
	sessionLength = 12 * time.Hour
)

func newSession(token string) *session {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("howdah console session"))
	return &session{token: token, key: mac.Sum(nil)}
}

func (s *session) sign(until int64) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(strconv.FormatInt(until, 10)))
	return strconv.FormatInt(until, 10) + "." + hex.EncodeToString(mac.Sum(nil))
}

// holds says whether a request may see the page: nobody is asked without a token; programs may send it as a bearer.
func (s *session) holds(r *http.Request) bool {
	if s.token == "" {
		return true
	}
	if kind, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(kind, "bearer") && s.right(strings.TrimSpace(token)) {
		return true
	}
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	text, _, _ := strings.Cut(c.Value, ".")
	until, err := strconv.ParseInt(text, 10, 64)
	return err == nil && time.Now().Unix() < until && hmac.Equal([]byte(c.Value), []byte(s.sign(until)))
}

func (s *session) right(token string) bool {
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

func (c *Console) askForToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		c.fail(w, r, &pageError{http.StatusUnauthorized, "The session has ended.", "Log in again at /login."})
		return
	}
	http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
}

type loginView struct {
	Base
	Next  string
	Wrong bool
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/logout" && r.Method == http.MethodPost {
		http.SetCookie(w, cookie(r, sessionCookie, "", -1))
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	next := r.FormValue("next")
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.HasPrefix(next, "/\\") {
		next = "/" // nowhere but here
	}
	if r.Method == http.MethodPost {
		if c.session.right(strings.TrimSpace(r.PostFormValue("token"))) {
			until := time.Now().Add(sessionLength).Unix()
			http.SetCookie(w, cookie(r, sessionCookie, c.session.sign(until), int(sessionLength/time.Second)))
			http.Redirect(w, r, next, http.StatusSeeOther)
			return
		}
		time.Sleep(300 * time.Millisecond) // guessing takes longer
		w.WriteHeader(http.StatusUnauthorized)
	}
	if c.session.token == "" {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	v := &loginView{Base: c.base(r, "Log in"), Next: next, Wrong: r.Method == http.MethodPost}
	v.Bare = true
	c.render(w, "login", v)
}

// cookie is one that scripts cannot read and that no other site's page sends along.
func cookie(r *http.Request, name, value string, seconds int) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"}
}

// theme remembers a choice of light or dark; without one the system's counts.
func (c *Console) theme(w http.ResponseWriter, r *http.Request) {
	t := r.PostFormValue("theme")
	if t != "light" && t != "dark" {
		t = ""
	}
	http.SetCookie(w, cookie(r, "howdah_theme", t, 365*24*3600))
	back := r.PostFormValue("back")
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.HasPrefix(back, "/\\") {
		back = "/"
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}
