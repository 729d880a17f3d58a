package postgres_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/howdah/howdah/internal/postgres"
)

// What is refused is left as it was.
func TestRefusedFolders(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"somebody's files":        {map[string]string{"thesis.tex": "x", "notes": "y"}, []string{"not empty", "notes, thesis.tex", "choose"}},
		"another cluster":         {map[string]string{"PG_VERSION": "15\n", "base/1": ""}, []string{"another PostgreSQL", "--db"}},
		"a folder called cluster": {map[string]string{"cluster/x": ""}, []string{"not empty", "cluster"}},
		"too old":                 {map[string]string{"state.json": `{"layout": 1}`, "cluster/PG_VERSION": "13\n"}, []string{"PostgreSQL 13", "14 to 18"}},
		"too new":                 {map[string]string{"state.json": `{"layout": 1}`, "cluster/PG_VERSION": "19\n"}, []string{"PostgreSQL 19", "14 to 18"}},
		"damaged":                 {map[string]string{"state.json": `{"layout": 1}`, "cluster/base/1": ""}, []string{"damaged", "backup"}},
		"a later layout":          {map[string]string{"state.json": `{"layout": 2}`}, []string{"layout 2", "newer"}},
		"a broken state":          {map[string]string{"state.json": `{`}, []string{"state.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, content := range c.files {
				path = filepath.Join(dir, path)
				ok(t, os.MkdirAll(filepath.Dir(path), 0o700))
				ok(t, os.WriteFile(path, []byte(content), 0o600))
			}
			_, err := postgres.Start(t.Context(), config(dir))
			contains(t, err, append(c.want, dir)...)
			for path, want := range c.files {
				if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
					t.Errorf("%s is now %q (%v)", path, got, err)
				}
			}
			if found, _ := filepath.Glob(filepath.Join(dir, "cluster.new-*")); len(found) > 0 {
				t.Errorf("made %v", found)
			}
		})
	}
}

func TestOtherVersion(t *testing.T) {
	cfg := config(t.TempDir())
	s, err := postgres.Start(t.Context(), cfg)
	ok(t, err)
	st, err := os.ReadFile(filepath.Join(cfg.DataDir, "state.json"))
	ok(t, err)
	ok(t, s.Stop(t.Context()))
	var used struct {
		BinDir string `json:"bin_dir"`
	}
	ok(t, json.Unmarshal(st, &used))
	other := "17"
	if s.Major() == 17 {
		other = "16"
	}
	path := filepath.Join(cfg.DataDir, "cluster", "PG_VERSION")
	ok(t, os.WriteFile(path, []byte(other+"\n"), 0o600))

	cfg.BinDir = used.BinDir
	_, err = postgres.Start(t.Context(), cfg)
	contains(t, err, "was made by PostgreSQL "+other, used.BinDir, s.Version())

	ok(t, os.WriteFile(path, []byte(strconv.Itoa(s.Major())+"\n"), 0o600))
	again := start(t, cfg.DataDir)
	if again.Version() != s.Version() {
		t.Errorf("version %s became %s", s.Version(), again.Version())
	}
}

func TestRefusedPrograms(t *testing.T) {
	// Below /tmp and not in t.TempDir, which is closed to other accounts.
	dir, err := os.MkdirTemp("/tmp", "wrapper-")
	ok(t, err)
	t.Cleanup(func() { ok(t, os.RemoveAll(dir)) })
	ok(t, os.Chmod(dir, 0o755))
	cfg := config(filepath.Join(t.TempDir(), "data"))
	cfg.BinDir = dir
	_, err = postgres.Start(t.Context(), cfg)
	contains(t, err, dir)

	script := func(name, content string) {
		ok(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+content+"\n"), 0o755))
	}
	script("postgres", "echo 'postgres (PostgreSQL) 18.1'")
	_, err = postgres.Start(t.Context(), cfg)
	contains(t, err, dir, "initdb")

	script("initdb", "echo 'initdb (PostgreSQL) 17.2'")
	_, err = postgres.Start(t.Context(), cfg)
	contains(t, err, "18.1 and 17.2")

	script("initdb", "echo 'initdb (PostgreSQL) 12.2'")
	script("postgres", "echo 'postgres (PostgreSQL) 12.2'")
	_, err = postgres.Start(t.Context(), cfg)
	contains(t, err, "12.2", "14 to 18")

	script("postgres", "exit 3")
	_, err = postgres.Start(t.Context(), cfg)
	contains(t, err, "exit status 3")
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := postgres.Start(ctx, config(dir)); err == nil {
		t.Fatal("started with a cancelled context")
	}
	start(t, dir)
}
