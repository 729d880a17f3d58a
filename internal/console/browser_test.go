package console_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testbrowser"
	"github.com/howdah/howdah/internal/testdb"
	"github.com/howdah/howdah/server"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// site is a served database and a browser that looks at it.
type site struct {
	t   *testing.T
	db  *howdah.DB
	url string
	ctx context.Context
	tab *testbrowser.Tab
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
	s.tab = testbrowser.New(s.t, s.url)
	s.ctx = s.tab.Ctx
	return s
}

func (s *site) do(actions ...chromedp.Action[chromedp.Void]) { s.t.Helper(); s.tab.Do(actions...) }
func (s *site) open(path string)                             { s.t.Helper(); s.tab.Open(path) }
func (s *site) click(selector string)                        { s.t.Helper(); s.tab.Click(selector) }
func (s *site) fill(selector, value string)                  { s.t.Helper(); s.tab.Fill(selector, value) }
func (s *site) until(expression string)                      { s.t.Helper(); s.tab.Until(expression) }
func (s *site) says(selector, words string)                  { s.t.Helper(); s.tab.Says(selector, words) }
func (s *site) text(selector string) string                  { s.t.Helper(); return s.tab.Text(selector) }
func (s *site) look(width int64, theme string)               { s.t.Helper(); s.tab.Look(width, theme) }
func (s *site) shoot(name string, whole bool)                { s.t.Helper(); s.tab.Shoot(name, whole) }

func eval[T any](s *site, expression string) T {
	s.t.Helper()
	return testbrowser.Eval[T](s.tab, expression)
}
