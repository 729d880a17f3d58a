package postgres

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// Downloads a PostgreSQL and runs it. Where the network is closed it is
// skipped, but not in CI.
func TestFetch(t *testing.T) {
	if testing.Short() {
		t.Skip("downloads 30 MB")
	}
	t.Setenv("HOWDAH_PG_MIRROR", "")
	dir := openDir(t)
	const version = embedded.V17
	programs := filepath.Join(dir, "programs")
	if err := fetchInto(t.Context(), version, dir, programs); err != nil {
		if os.Getenv("CI") == "" && strings.Contains(err.Error(), "unable to connect") {
			t.Skip("no network:", err)
		}
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left in the cache: %v (%v)", left, err)
	}
	s, err := Start(t.Context(), Config{DataDir: t.TempDir(), BinDir: filepath.Join(programs, "bin"), Disposable: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.Major() != 17 {
		t.Errorf("fetched %s as %s", version, s.Version())
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A mirror that has nothing, and one that has nonsense.
func TestFetchFails(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"missing":  http.NotFound,
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("nonsense")) },
	} {
		t.Run(name, func(t *testing.T) {
			mirror := httptest.NewServer(handler)
			defer mirror.Close()
			t.Setenv("HOWDAH_PG_MIRROR", mirror.URL+"/")
			dir := openDir(t)
			if err := fetchInto(t.Context(), embedded.V18, dir, filepath.Join(dir, "programs")); err == nil {
				t.Error("fetched from a mirror without PostgreSQL")
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left in the cache: %v (%v)", left, err)
			}
		})
	}
}

// openDir is a temporary folder that other accounts can enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "fetch-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
