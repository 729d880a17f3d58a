package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestObjects(t *testing.T) {
	s := newShell(t)
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	big := bytes.Repeat([]byte("0123456789abcdef"), 200_000)
	for name, body := range map[string][]byte{"in/a.json": []byte(`{}`), "in/deep/b.bin": big} {
		if err := os.MkdirAll(filepath.Dir(file(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file(name), body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.fails(exitError, []string{"objects", "ls", "models"}, "unknown bucket 'models'", "hint: There are no buckets yet")
	s.fails(exitError, []string{"objects", "mb", "Models"}, "'Models' is not allowed")
	s.ok("objects", "mb", "models", "--versioning")
	s.ok("objects", "cp", file("in/a.json"), "s3://models/folder/")
	s.ok("objects", "cp", "--recursive", file("in"), "s3://models/all")
	if out := s.ok("objects", "ls", "models/all/"); !strings.Contains(out, " all/a.json\n") || !strings.Contains(out, " all/deep/\n") {
		t.Errorf("ls says %q", out)
	}
	rows := s.rows("objects", "ls", "-r", "s3://models", "--json")
	if len(rows) != 3 || rows[0]["key"] != "all/a.json" || rows[0]["content_type"] != "application/json" {
		t.Errorf("ls --json says %v", rows)
	}
	s.input("typed", "objects", "cp", "-", "s3://models/typed").want(t, exitOK)
	if out := s.ok("objects", "cat", "models/typed"); out != "typed" {
		t.Errorf("cat says %q", out)
	}
	s.ok("objects", "cp", "s3://models/all/deep/b.bin", "s3://models/copy")
	s.ok("objects", "cp", "s3://models/copy", file("out"))
	if got, err := os.ReadFile(file("out")); err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	s.ok("objects", "cp", "--recursive", "s3://models/all", file("back"))
	if got, err := os.ReadFile(file("back/deep/b.bin")); err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	// A key that leads out of the folder stays in the bucket.
	s.input("x", "objects", "cp", "-", "s3://models/evil/../../../escaped").want(t, exitOK)
	s.ok("objects", "cp", "--recursive", "s3://models/evil", file("safe"))
	if _, err := os.Stat(file("escaped")); err == nil {
		t.Error("a key has written outside the folder")
	}
	s.fails(exitError, []string{"objects", "cat", "models/none"}, "there is no object 'none'")
	s.fails(exitError, []string{"objects", "rb", "models"}, "not empty")
	s.fails(exitUsage, []string{"objects", "cp", "a", "b"}, "neither FROM nor TO")
	s.ok("check")
	if out := s.ok("objects", "rm", "-r", "models/all"); out != "2 objects deleted\n" {
		t.Errorf("rm says %q", out)
	}
	if out := s.ok("objects", "ls", "models/all/a", "--versions"); !strings.Contains(out, "deleted") {
		t.Errorf("ls --versions says %q", out)
	}
}

func TestKeys(t *testing.T) {
	s := newShell(t)
	var k struct {
		Access string `json:"access_key"`
		Secret string `json:"secret_key"`
	}
	if err := json.Unmarshal([]byte(s.ok("key", "create", "training", "--write", "models", "--read", "logs,data", "--json")), &k); err != nil || k.Access == "" || len(k.Secret) < 40 {
		t.Fatal(k, err)
	}
	s.fails(exitError, []string{"key", "create", "training"}, "access key 'training' exists")
	out := s.ok("key", "list")
	if !strings.Contains(out, k.Access) || strings.Contains(out, k.Secret) || !strings.Contains(out, `"models": "write"`) {
		t.Errorf("list says %q", out)
	}
	s.ok("key", "revoke", "training")
	s.fails(exitError, []string{"key", "revoke", "training"}, "unknown access key")
}

// TestAwkwardObjectKeys: what a key says is what is stored, listed, shown, copied and removed.
func TestAwkwardObjectKeys(t *testing.T) {
	s := newShell(t)
	s.ok("objects", "mb", "awkward")
	keys := []string{"..", ".", "a/../b", "a//b", "/a", "a/", "../up", "100%", "100%25", "a b", "-x", "ünï/漢/🐘", `back\slash`, "'quoted'", "s3://awkward/x"}
	for _, key := range keys {
		to := "s3://awkward/" + key
		if strings.HasSuffix(key, "/") { // a folder, which keeps the name of the file
			s.fails(exitUsage, []string{"objects", "cp", "-", to}, "does not say the name")
			s.exec("select howdah.put_object('awkward', '" + key + "', '" + key + "')")
			continue
		}
		s.input(key, "objects", "cp", "-", to).want(t, exitOK)
	}
	if rows := s.rows("objects", "ls", "-r", "awkward", "--json"); len(rows) != len(keys) {
		t.Errorf("ls says %v", rows)
	}
	for _, key := range keys {
		if out := s.ok("objects", "cat", "awkward/"+key); out != key {
			t.Errorf("cat %q says %q", key, out)
		}
		file := filepath.Join(t.TempDir(), "file")
		s.ok("objects", "cp", "s3://awkward/"+key, file)
		if got, err := os.ReadFile(file); err != nil || string(got) != key {
			t.Errorf("%q: %q, %v", key, got, err)
		}
	}
	// Keys that are no names of files, or would be one file, are left out, and named.
	dir := t.TempDir()
	r := s.input("", "objects", "cp", "--recursive", "s3://awkward", filepath.Join(dir, "in"))
	if files, err := os.ReadDir(dir); r.code != exitOK || err != nil || len(files) != 1 || strings.Count(r.err, "left out: ") != 8 {
		t.Errorf("beside the folder: %v, %v; %+v", files, err, r)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "in", "ünï/漢/🐘")); err != nil || string(got) != "ünï/漢/🐘" {
		t.Errorf("%q, %v", got, err)
	}
	s.fails(exitUsage, []string{"objects", "cp", "s3://awkward/..", dir}, "no name of a file")
	for _, key := range keys {
		s.ok("objects", "rm", "awkward/"+key)
	}
	s.fails(exitError, []string{"objects", "cp", "/dev/null", "s3://awkward/" + strings.Repeat("k", 1025)}, "the key has 1025 bytes")
	s.ok("objects", "rb", "awkward")
}
