package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/server"
)

// furnish makes something of everything, so that every page has content, and returns the pages.
func (s *site) furnish() []string {
	s.t.Helper()
	ctx := s.t.Context()
	s.produce("payments", 120)
	k, err := s.db.CreateConsumer(ctx, "scoring", "payments", howdah.MaxAttempts(1))
	must(s.t, err)
	s.failing(k, "no such account: 12, and a very long explanation of why that is so, with_a_word_that_does_not_break_anywhere_at_all_and_goes_on")
	_, err = s.db.CreateConsumer(ctx, "audit", "payments")
	must(s.t, err)
	_, err = s.db.Consumer("audit").Claim(ctx, 10)
	must(s.t, err)
	must(s.t, s.db.Consumer("audit").Pause(ctx))
	c, err := s.db.CreateCollection(ctx, "customers")
	must(s.t, err)
	for i := range 3 {
		_, err = c.Put(ctx, "c42", map[string]any{"city": "Madison", "tier": i})
		must(s.t, err)
	}
	b, err := s.db.CreateBucket(ctx, "models")
	must(s.t, err)
	_, err = b.Put(ctx, "fraud/1/model.json", strings.NewReader(`{"weights": [1, 2, 3]}`), howdah.ContentType("application/json"))
	must(s.t, err)
	return []string{"/", "/topics/payments", "/topics/payments/events/1", "/consumers/scoring", "/consumers/audit", "/consumers/scoring/seek?target=earliest", "/problems",
		"/documents", "/documents/customers", "/documents/customers/document?key=c42", "/objects", "/objects/models", "/objects/models?prefix=fraud%2F1%2F",
		"/objects/models/object?key=fraud%2F1%2Fmodel.json", "/nothing"}
}

// Every page at both widths and in both themes: contrast, names, no layout shift, nothing wider than the window, nothing that
// the content security policy had to refuse.
func TestBasics(t *testing.T) {
	s := serve(t, nil).browse()
	paths := s.furnish()
	s.tab.Watch()
	s.open("/")
	for _, name := range []string{"audit", "scoring"} { // the page has seen what was made just now, and what is wrong with it
		s.says("#live-consumers", name)
		s.says("#live-problems", name)
	}
	for _, width := range []int64{1280, 390} {
		for _, theme := range []string{"light", "dark"} {
			s.look(width, theme)
			for _, path := range paths {
				s.open(path)
				if strings.HasPrefix(path, "/consumers/") && !strings.Contains(path, "seek") || path == "/" {
					s.until("document.body.dataset.updated") // with what the stream has sent
				}
				for _, wrong := range s.tab.Audit() {
					t.Errorf("%s at %d, %s: %s", path, width, theme, wrong)
				}
				s.shoot(fmt.Sprintf("basics%s-%d-%s", strings.NewReplacer("/", "-", "?", "-", "=", "-", "%2F", "-").Replace(path), width, theme), true)
			}
		}
	}
}

// Everything can be reached and done with the keyboard.
func TestKeyboard(t *testing.T) {
	s := serve(t, nil).browse()
	s.furnish()
	s.open("/")
	s.says("#live-consumers", "audit")
	s.do(chromedp.KeyEvent("\t"))
	s.until("document.activeElement.classList.contains('skip') && document.activeElement.getBoundingClientRect().left >= 0")
	s.do(chromedp.KeyEvent("j"))
	s.until("document.activeElement.closest('#consumers')")
	outline := eval[string](s, "getComputedStyle(document.activeElement).outlineStyle")
	if outline == "none" {
		t.Error("one does not see where the focus is")
	}
	first := eval[string](s, "document.activeElement.innerText")
	s.do(chromedp.KeyEvent("j"))
	s.until(fmt.Sprintf("document.activeElement.innerText !== %q", first))
	// The stream renews the table under the focus: it must stay.
	s.publish(s.db.Topic("payments"), 7)
	s.until("document.querySelector('#topics').innerText.includes('127')")
	if now := eval[string](s, "document.activeElement.closest('#consumers') ? 'kept' : document.activeElement.outerHTML"); now != "kept" {
		t.Errorf("the focus is now at %s", now)
	}
	s.do(chromedp.KeyEvent("/"))
	s.until("document.activeElement.id === 'jump'")
	s.do(chromedp.KeyEvent("scoring\r"))
	s.says("h1", "scoring")
	s.until("document.readyState === 'complete'") // the keys are bound by then
	s.do(chromedp.KeyEvent("?"))
	s.until("document.getElementById('keys').open")
	s.do(chromedp.KeyEvent("\r"))
	s.do(chromedp.KeyEvent("gp"))
	s.says("h1", "Problems")
}

// Where there is a token nobody sees anything without it, and the cookie opens the page alone.
func TestLogIn(t *testing.T) {
	s := serve(t, func(c *server.Config) { c.Token = "a secret & a half" }).browse()
	s.produce("payments", 3)
	s.open("/topics/payments")
	s.says("h1", "Log in")
	s.fill("#token", "wrong")
	s.click(".login .primary")
	s.says("[role=alert]", "not the token")
	s.fill("#token", "a secret & a half")
	s.click(".login .primary")
	s.says("h1", "payments") // where one wanted to go
	s.says("main", "c2")
	for _, path := range []string{"/topics/payments", "/", "/problems", "/documents", "/objects", "/nothing", "/login"} {
		s.open(path)
		if html := eval[string](s, "document.documentElement.outerHTML + document.cookie"); strings.Contains(html, "secret") {
			t.Errorf("the token is in the page %s", path)
		}
	}

	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	status := func(method, path, body string, header ...string) int {
		t.Helper()
		r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
		must(t, err)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(r)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode
	}
	for _, path := range []string{"/live/", "/topics/payments/tail"} {
		if got := status("GET", path, "", "Accept", "text/event-stream"); got != 401 {
			t.Errorf("%s without the token: %d", path, got)
		}
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if got := status("POST", "/consumers/x/pause", "", form...); got != 401 {
		t.Errorf("an action without the token: %d", got)
	}
	if got := status("POST", "/login", url.Values{"token": {"a secret & a half"}, "next": {"//evil.example/"}}.Encode(), form...); got != 200 {
		t.Errorf("logging in: %d", got) // and it went to /, not away
	}
	if got := status("GET", "/problems", ""); got != 200 {
		t.Errorf("with the cookie: %d", got)
	}
	if got := status("GET", "/v1/topics", ""); got != 401 {
		t.Errorf("the API with the page's cookie: %d", got)
	}
	u, _ := url.Parse(s.url)
	for _, c := range jar.Cookies(u) {
		if c.Name == "howdah_session" {
			jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: "99999999999" + c.Value[strings.IndexByte(c.Value, '.'):], Path: "/"}})
		}
	}
	if got := status("POST", "/consumers/x/pause", "", form...); got != 401 {
		t.Errorf("with a cookie that was made longer: %d", got)
	}
}

// No page of elsewhere can make the browser act, frame the page or read it.
func TestForeignPages(t *testing.T) {
	s := serve(t, nil)
	s.produce("payments", 3)
	k, err := s.db.CreateConsumer(t.Context(), "scoring", "payments")
	must(t, err)
	send := func(method, path string, header ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(method, s.url+path, strings.NewReader(""))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		must(t, err)
		_ = resp.Body.Close()
		return resp
	}
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		if r := send("POST", "/consumers/scoring/pause", header...); r.StatusCode != 403 {
			t.Errorf("a foreign page may pause a consumer: %v, %s", header, r.Status)
		}
	}
	if r := send("GET", "/", "Host", "evil.example:80"); r.StatusCode != 403 {
		t.Errorf("a foreign name may read: %s", r.Status)
	}
	if info, err := k.Info(t.Context()); err != nil || info.Paused {
		t.Fatalf("paused %t, %v", info.Paused, err)
	}
	r := send("GET", "/")
	for name, words := range map[string]string{"Content-Security-Policy": "default-src 'none'; script-src 'self'", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if !strings.Contains(r.Header.Get(name), words) {
			t.Errorf("%s is %q", name, r.Header.Get(name))
		}
	}
	if !strings.Contains(r.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
		t.Error("the page can be framed")
	}
	if r := send("POST", "/consumers/scoring/pause", "Sec-Fetch-Site", "same-origin"); r.StatusCode != 303 {
		t.Errorf("its own page may not: %s", r.Status)
	}
	if r := send("POST", "/theme", "Sec-Fetch-Site", "same-origin"); r.StatusCode != 303 || r.Header.Get("Location") != "/" {
		t.Errorf("the theme: %s to %s", r.Status, r.Header.Get("Location"))
	}
}
