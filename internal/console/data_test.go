package console_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/howdah/howdah"
)

// A document's timeline shows what each version changed; two of them can be compared, and a past moment looked at.
func TestCompareTwoVersionsOfADocument(t *testing.T) {
	s := serve(t, nil).browse()
	ctx := t.Context()
	k, err := s.db.CreateCollection(ctx, "customers", howdah.GivenTimes())
	must(t, err)
	day := func(d int) time.Time { return time.Date(2026, 1, d, 12, 0, 0, 0, time.UTC) }
	for i, doc := range []string{`{"city": "Madison", "tier": 1, "tags": ["new"]}`, `{"city": "Milwaukee", "tier": 1, "tags": ["new"]}`, `{"city": "Milwaukee", "tier": 2}`} {
		must(t, k.PutMany(ctx, howdah.Document{Key: "a/c42", Doc: []byte(doc), ValidFrom: day(i + 1), KnownAt: day(i + 1)}))
	}
	s.open("/documents")
	s.click("a[href='/documents/customers']")
	s.says("table.documents", "a/c42")
	s.fill("#f-contains", `{"tier": 2}`)
	s.click(".search .primary")
	s.until("location.search.includes('contains=')") // the list before says Milwaukee too
	s.says("table.documents", "Milwaukee")
	s.click("table.documents .id a")
	s.says("h1", "a/c42")
	s.says("#seen", `"tier": 2`)
	s.says("#compare", "From 2 to 3")
	s.until("document.querySelectorAll('.steps > li').length === 3")
	s.click("input[name=a][value='1']")
	s.click(".card > form > .head button")
	s.says("#compare", "From 1 to 3")
	if got := eval[string](s, "[...document.querySelectorAll('.diff tbody tr')].map(r => [...r.children].map(c => c.innerText).join(' ')).join('; ')"); got !=
		`city "Madison" "Milwaukee"; tags[0] "new" gone; tier 1 2` {
		t.Errorf("the comparison shows %q", got)
	}
	s.fill("#f-asof", "2026-01-02T00:00:01")
	s.click(".search .primary")
	s.says("#seen", "Madison")
	s.fill("#f-asof", "2025-12-31T00:00:01")
	s.click(".search .primary")
	s.says("#seen", "nothing was there")
}

func TestDownloadAnObject(t *testing.T) {
	s := serve(t, nil).browse()
	ctx := t.Context()
	b, err := s.db.CreateBucket(ctx, "models")
	must(t, err)
	body := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	_, err = b.Put(ctx, "fraud/7/model.bin", bytes.NewReader(body))
	must(t, err)
	_, err = b.Put(ctx, "fraud/7/page.html", strings.NewReader("<script>alert(1)</script>"), howdah.ContentType("text/html"))
	must(t, err)
	s.open("/objects")
	s.click("a[href='/objects/models']")
	s.click(".rows .name a")
	s.click(".rows .name a")
	s.says("h1", "models / fraud / 7")
	s.click(".rows .name a")
	s.says("h1", "model.bin")

	dir := t.TempDir()
	_, err = chromedp.CallBrowser(s.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir})
	must(t, err)
	s.click("#download")
	deadline := time.Now().Add(15 * time.Second)
	for {
		got, err := os.ReadFile(filepath.Join(dir, "model.bin"))
		if err == nil && len(got) == len(body) {
			want, have := sha256.Sum256(body), sha256.Sum256(got)
			if want != have {
				t.Errorf("downloaded %s, want %s", hex.EncodeToString(have[:]), hex.EncodeToString(want[:]))
			}
			break
		}
		if time.Now().After(deadline) {
			names, _ := filepath.Glob(dir + "/*")
			t.Fatalf("no download: %v, %v", err, names)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}

	// What somebody stored is never a page of this origin.
	resp, err := http.Get(s.url + "/objects/models/download?key=fraud%2F7%2Fpage.html")
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	if d, p := resp.Header.Get("Content-Disposition"), resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(d, "attachment") || !strings.Contains(p, "sandbox") || len(text) != 25 {
		t.Errorf("a stored page comes with %q, %q, %d bytes", d, p, len(text))
	}
	s.open("/objects/models/object?key=fraud%2F7%2Fpage.html")
	s.says(".json", "<script>alert(1)</script>")
	r, _ := http.NewRequest("GET", s.url+"/objects/models/download?key=fraud%2F7%2Fmodel.bin", nil)
	r.Header.Set("Range", "bytes=1000000-1000009")
	part, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = part.Body.Close() }()
	got, err := io.ReadAll(part.Body)
	must(t, err)
	if part.StatusCode != 206 || string(got) != "0123456789" {
		t.Errorf("a range: %s, %s", part.Status, fmt.Sprintf("%q", got))
	}
}
