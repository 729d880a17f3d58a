package main

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/server"
)

var copied = regexp.MustCompile(`data-copy="([^"]*)"`)

// Whatever the page shows as "the same from elsewhere" works as it stands there: the command, the HTTP request and the SQL, with names that want
// quoting among them.
func TestTwins(t *testing.T) {
	ctx := t.Context()
	s := newShell(t)
	db, err := howdah.Open(ctx, s.url)
	must(t, err)
	t.Cleanup(db.Close)
	url := servePage(t, server.Config{DB: db})
	fillForTwins(t, db)

	run := 0
	for _, path := range []string{"/", "/problems", "/topics/payments", "/topics/payments?key=it%27s+%22a%22&contains=%7B%22n%22%3A1%7D&since=1h", "/topics/payments/events/1",
		"/consumers/scoring", "/consumers/scoring/pause", "/consumers/scoring/resume", "/consumers/scoring/seek?target=earliest", "/consumers/scoring/replay?from=1&until=1",
		"/consumers/scoring/redrive?id=1", "/consumers/scoring/redrive", "/documents", "/documents/customers", "/documents/customers?prefix=it%27s",
		"/documents/customers?contains=%7B%22n%22%3A1%7D", "/documents/customers/document?key=it%27s%2F%22a%22", "/documents/customers/document?key=it%27s%2F%22a%22&as_of=2999-01-01",
		"/documents/customers/document?key=it%27s%2F%22a%22&valid_at=2999-01-01T00:00:00", "/objects", "/objects/models", "/objects/models?prefix=it%27s%2F",
		"/objects/models/object?key=it%27s%2F%22a%22+%25"} {
		for _, command := range twinsOf(t, url+path) {
			if strings.HasPrefix(command, "aws ") { // the S3 API has tests of its own
				continue
			}
			run++
			if strings.Contains(path, "/redrive") {
				giveUp(t, db)
			}
			if strings.HasPrefix(command, "select ") {
				if _, err := db.Pool().Exec(ctx, command); err != nil {
					t.Errorf("%s shows %s: %v", path, command, err)
				}
				continue
			}
			dir := t.TempDir()
			words := shellWords(t, strings.ReplaceAll(command, " --follow", ""))
			switch words[0] {
			case "howdah":
				if words[len(words)-1] == "." { // a copy to the working folder
					words[len(words)-1] = dir
				}
				if words[1] == "doctor" { // it has found something
					s.fails(exitError, words[1:])
					continue
				}
				s.ok(words[1:]...)
			case "curl":
				if status, body := curl(t, words[1:]); status < 200 || status > 299 {
					t.Errorf("%s shows %s: %d %s", path, command, status, body)
				}
			default:
				t.Errorf("%s shows %s", path, command)
			}
		}
	}
	if run < 60 {
		t.Errorf("only %d commands were shown", run)
	}
}

// servePage runs a server until the test ends, and returns where it answers.
func servePage(t *testing.T, c server.Config) string {
	t.Helper()
	c.HTTP, c.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := server.New(c)
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	return s.URL()
}

func fillForTwins(t *testing.T, db *howdah.DB) {
	t.Helper()
	ctx := t.Context()
	topic, err := db.CreateTopic(ctx, "payments")
	must(t, err)
	_, err = topic.Publish(ctx, howdah.Event{Key: `it's "a"`, Payload: []byte(`{"n": 1}`)}, howdah.Event{Payload: []byte(`{"n": 2}`)})
	must(t, err)
	_, err = db.CreateConsumer(ctx, "scoring", "payments", howdah.MaxAttempts(1))
	must(t, err)
	giveUp(t, db)
	c, err := db.CreateCollection(ctx, "customers")
	must(t, err)
	_, err = c.Put(ctx, `it's/"a"`, map[string]int{"n": 1})
	must(t, err)
	b, err := db.CreateBucket(ctx, "models")
	must(t, err)
	_, err = b.Put(ctx, `it's/"a" %`, strings.NewReader("abc"))
	must(t, err)
}

// giveUp makes dead letters of what scoring has to do.
func giveUp(t *testing.T, db *howdah.DB) {
	t.Helper()
	claim, err := db.Consumer("scoring").Claim(t.Context(), 10)
	must(t, err)
	if claim != nil {
		_, err = claim.Nack(t.Context(), "broken")
		must(t, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func twinsOf(t *testing.T, url string) (commands []string) {
	t.Helper()
	resp, err := http.Get(url) //nolint:gosec // our own
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, resp.Status)
	}
	for _, m := range copied.FindAllSubmatch(body, -1) {
		commands = append(commands, html.UnescapeString(string(m[1])))
	}
	if len(commands) == 0 {
		t.Errorf("%s shows nothing for elsewhere", url)
	}
	return commands
}

// shellWords reads a command as a shell does.
func shellWords(t *testing.T, command string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "set -- "+command+"\nprintf '%s\\n' \"$@\"").Output() //nolint:gosec // from our own page
	must(t, err)
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// curl sends what curl would send for the few options that the page uses.
func curl(t *testing.T, words []string) (int, string) {
	t.Helper()
	method, url, body := "", "", ""
	for i := 0; i < len(words); i++ {
		switch words[i] {
		case "-X":
			i++
			method = words[i]
		case "-d":
			i++
			body = words[i]
		case "-o":
			i++
		default:
			url = words[i]
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Accept", "*/*")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(text)
}
