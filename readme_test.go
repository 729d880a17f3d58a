package howdah_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// TestReadme runs the snippets of README.md as they stand: SQL with psql, Python with psycopg, Go with go run.
func TestReadme(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	snippets := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$").FindAllStringSubmatch(string(b), -1) {
		snippets[m[1]] += m[2]
	}
	url := testdb.New(t)
	dir := t.TempDir()

	t.Run("sql", func(t *testing.T) {
		need(t, "psql")
		out := run(t, url, snippets["sql"], "psql", "-X", "-v", "ON_ERROR_STOP=1", url)
		if !strings.Contains(out, `{"amount_cents": 1250}`) || !strings.Contains(out, "billing  |   0 |") {
			t.Errorf("psql says:\n%s", out)
		}
	})
	t.Run("python", func(t *testing.T) {
		need(t, "python3")
		if err := exec.Command("python3", "-c", "import psycopg").Run(); err != nil {
			missing(t, "psycopg: python3 -m pip install 'psycopg[binary]'")
		}
		run(t, url, snippets["python"], "python3", "-")
		run(t, url, snippets["python"], "python3", "-")
		db, err := howdah.Open(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var cents int64
		if err := db.Pool().QueryRow(context.Background(), "select sum(cents) from totals").Scan(&cents); err != nil || cents != 2*1250+1250+990 {
			t.Errorf("the totals add up to %d, error %v", cents, err)
		}
	})
	t.Run("go", func(t *testing.T) {
		file := filepath.Join(dir, "main.go")
		if err := os.WriteFile(file, []byte(snippets["go"]), 0o644); err != nil {
			t.Fatal(err)
		}
		if out := run(t, url, "", "go", "run", file); !strings.Contains(out, "events, the last is") {
			t.Errorf("it prints:\n%s", out)
		}
	})
}

// need skips a test whose program is missing; in CI that is a failure.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		missing(t, program)
	}
}

func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("missing: %s", what)
	}
	t.Skipf("skipped, missing: %s", what)
}

func run(t *testing.T, url, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "HOWDAH_DB="+url)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w\n%s", name, err, out))
	}
	return string(out)
}
