// Package testbrowser looks at pages with a headless Chromium, for tests: real clicks and keys, and what a person would see.
package testbrowser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Tab is a browser's tab.
type Tab struct {
	t   *testing.T
	URL string // before the paths of Open
	Ctx context.Context
}

// New opens a tab in a browser of its own.
func New(t *testing.T, url string) *Tab {
	t.Helper()
	return &Tab{t, url, chromium(t)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// chromium starts a headless Chromium that reaches nothing but this machine. Where there is none the test is skipped, in CI
// it fails.
func chromium(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			program = p
			break
		}
	}
	if program == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium found; install the package chromium")
		}
		t.Skip("no Chromium found; install the package chromium to test the page in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(stop)
	must(t, chromedp.Do(ctx)) // starts it: with a context that ends later than each step
	return ctx
}

// Do lets the browser act, and shows what it saw where that fails.
func (s *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.Ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		s.fatal(err)
	}
}

func (s *Tab) fatal(err any) {
	s.t.Helper()
	at, _ := chromedp.Run(s.Ctx, chromedp.Location())
	text, _ := chromedp.Run(s.Ctx, chromedp.Text(chromedp.CSS("body")))
	s.t.Fatalf("%v\nat %s the page says:\n%s", err, at, text)
}

// Open goes to a path.
func (s *Tab) Open(path string) { s.t.Helper(); s.Do(chromedp.Navigate(s.URL + path)) }

// Click clicks on the first element of a selector.
func (s *Tab) Click(selector string) {
	s.t.Helper()
	s.Until(fmt.Sprintf("document.querySelector(%q)?.scrollIntoView({block: 'center'}) ?? document.querySelector(%q)", selector, selector)) // not below the bar
	s.Do(chromedp.Click(chromedp.CSS(selector)))
}

// Fill types into a field.
func (s *Tab) Fill(selector, value string) {
	s.t.Helper()
	s.Do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// Until waits until a JavaScript expression is true, across pages.
func (s *Tab) Until(expression string) {
	s.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(s.Ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		cancel()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			s.fatal(fmt.Sprintf("never true: %s (%v)", expression, err))
		}
		time.Sleep(30 * time.Millisecond) // between two looks
	}
}

// Says waits until an element's text contains words.
func (s *Tab) Says(selector, words string) {
	s.t.Helper()
	s.Until(fmt.Sprintf("document.querySelector(%q)?.innerText.includes(%q)", selector, words))
}

// Text is an element's text.
func (s *Tab) Text(selector string) string {
	s.t.Helper()
	return Eval[string](s, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

func Eval[T any](s *Tab, expression string) T {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.Ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		s.fatal(err)
	}
	return v
}

// Look shows the page at a width and in a theme.
//
//lint:ignore U1000 for taking pictures by hand
func (s *Tab) Look(width int64, theme string) {
	s.t.Helper()
	height, scale := int64(800), 1.0
	if width < 600 {
		height, scale = 844, 2
	}
	s.Do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
	_, err := chromedp.Call(s.Ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	must(s.t, err)
}

// Shoot takes a picture into the folder that HOWDAH_SCREENSHOTS names, of what is seen or of the whole page.
func (s *Tab) Shoot(name string, whole bool) {
	s.t.Helper()
	dir := os.Getenv("HOWDAH_SCREENSHOTS")
	if dir == "" {
		return
	}
	must(s.t, os.MkdirAll(dir, 0o755))
	p := page.CaptureScreenshotParams{}
	if whole {
		height := Eval[float64](s, "document.documentElement.scrollHeight")
		width := Eval[float64](s, "innerWidth")
		p.CaptureBeyondViewport, p.Clip = &whole, &page.Viewport{Width: width, Height: height, Scale: 1}
	}
	picture, err := chromedp.Call(s.Ctx, page.CaptureScreenshot, p)
	must(s.t, err)
	must(s.t, os.WriteFile(filepath.Join(dir, name+".png"), picture.Data, 0o600))
}
