package postgres

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLimited: a container's limit counts where there is one.
func TestLimited(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing := filepath.Join(dir, "missing")
	for _, c := range []struct {
		files []string
		want  uint64
	}{
		{[]string{missing}, 1000},
		{[]string{file("none", "max\n"), missing}, 1000},
		{[]string{missing, file("less", "600\n")}, 600},
		{[]string{file("huge", "9223372036854771712\n")}, 1000},
	} {
		if got := limited(1000, c.files...); got != c.want {
			t.Errorf("%v: %d, not %d", c.files, got, c.want)
		}
	}
	if memory() == 0 {
		t.Error("the machine has no memory")
	}
}
