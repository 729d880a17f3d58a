package console_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/server"
)

func TestMain(m *testing.M) { testdb.Main(m) }

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

// site is a served database and a browser that looks at it.
type site struct {
	t   *testing.T
	db  *howdah.DB
	url string
	ctx context.Context
}

func serve(t *testing.T, change func(*server.Config)) *site {
	t.Helper()
	db, err := howdah.Open(context.Background(), testdb.New(t))
	must(t, err)
	t.Cleanup(db.Close)
	c := server.Config{DB: db, HTTP: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Version: "test", Grace: time.Second}
	if change != nil {
		change(&c)
	}
	s, err := server.New(c)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	return &site{t: t, db: db, url: s.URL()}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) browse() *site {
	s.t.Helper()
	s.ctx = chromium(s.t)
	return s
}

// do lets the browser act, and shows what it saw where that fails.
func (s *site) do(actions ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		s.fatal(err)
	}
}

func (s *site) fatal(err any) {
	s.t.Helper()
	at, _ := chromedp.Run(s.ctx, chromedp.Location())
	text, _ := chromedp.Run(s.ctx, chromedp.Text(chromedp.CSS("body")))
	s.t.Fatalf("%v\nat %s the page says:\n%s", err, at, text)
}

func (s *site) open(path string) { s.t.Helper(); s.do(chromedp.Navigate(s.url + path)) }

func (s *site) click(selector string) {
	s.t.Helper()
	s.until(fmt.Sprintf("document.querySelector(%q)?.scrollIntoView({block: 'center'}) ?? document.querySelector(%q)", selector, selector)) // not below the bar
	s.do(chromedp.Click(chromedp.CSS(selector)))
}

func (s *site) fill(selector, value string) {
	s.t.Helper()
	s.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// until waits until a JavaScript expression is true, across pages.
func (s *site) until(expression string) {
	s.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(s.ctx, 5*time.Second)
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

// says waits until an element's text contains words.
func (s *site) says(selector, words string) {
	s.t.Helper()
	s.until(fmt.Sprintf("document.querySelector(%q)?.innerText.includes(%q)", selector, words))
}

func (s *site) text(selector string) string {
	s.t.Helper()
	return eval[string](s, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

func eval[T any](s *site, expression string) T {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		s.fatal(err)
	}
	return v
}

// look shows the page at a width and in a theme.
//
//lint:ignore U1000 for taking pictures by hand
func (s *site) look(width int64, theme string) {
	s.t.Helper()
	height, scale := int64(800), 1.0
	if width < 600 {
		height, scale = 844, 2
	}
	s.do(chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)))
	_, err := chromedp.Call(s.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	must(s.t, err)
}

// shoot takes a picture into the folder that HOWDAH_SCREENSHOTS names, of what is seen or of the whole page.
func (s *site) shoot(name string, whole bool) {
	s.t.Helper()
	dir := os.Getenv("HOWDAH_SCREENSHOTS")
	if dir == "" {
		return
	}
	must(s.t, os.MkdirAll(dir, 0o755))
	p := page.CaptureScreenshotParams{}
	if whole {
		height := eval[float64](s, "document.documentElement.scrollHeight")
		width := eval[float64](s, "innerWidth")
		p.CaptureBeyondViewport, p.Clip = &whole, &page.Viewport{Width: width, Height: height, Scale: 1}
	}
	picture, err := chromedp.Call(s.ctx, page.CaptureScreenshot, p)
	must(s.t, err)
	must(s.t, os.WriteFile(filepath.Join(dir, name+".png"), picture.Data, 0o600))
}
