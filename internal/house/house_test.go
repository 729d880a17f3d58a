// Package house checks the files of the repository: those rules that no compiler and no formatter looks at.
package house

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// texts returns the repository's text files by their path from its root: what git tracks, or without git all there is.
func texts(t *testing.T) map[string]string {
	t.Helper()
	var names []string
	if out, err := exec.Command("git", "-C", root, "ls-files", "-z").Output(); err == nil {
		names = strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	} else {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == ".git" || d.Name() == "bin"):
				return fs.SkipDir
			case d.Type().IsRegular():
				name, _ := filepath.Rel(root, path)
				names = append(names, filepath.ToSlash(name))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{}
	for _, name := range names {
		body, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, but not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(body) > 0 && !bytes.ContainsRune(body[:min(len(body), 8000)], 0) {
			files[name] = string(body)
		}
	}
	if files["go.mod"] == "" || files["README.md"] == "" {
		t.Fatalf("%d files found, but no go.mod or README.md among them", len(files))
	}
	return files
}

// Somebody's home or checkout has no business in the repository.
var machinePath = regexp.MustCompile(`(^|[^\w.~-])/(work|home/[a-z]\w*|root|Users/\w+)/[\w.]`)

// Where Homebrew installs on every Linux machine.
const homebrew = "/home/linuxbrew/.linuxbrew/"

func TestFiles(t *testing.T) {
	for name, text := range texts(t) {
		if !strings.HasSuffix(text, "\n") {
			t.Errorf("%s: the last line has no end", name)
		}
		if strings.Contains(name, "testdata/") {
			continue // what others wrote is as they wrote it
		}
		if strings.HasSuffix(text, "\n\n") {
			t.Errorf("%s: empty lines at the end", name)
		}
		for i, line := range strings.Split(text, "\n") {
			switch {
			case strings.HasSuffix(line, "\r"):
				t.Errorf("%s:%d: a carriage return", name, i+1)
			case strings.TrimRight(line, " \t") != line && !strings.HasSuffix(name, ".md"):
				t.Errorf("%s:%d: white space at the end of the line", name, i+1)
			case machinePath.MatchString(strings.ReplaceAll(line, homebrew, "")) && !strings.HasPrefix(name, "internal/house/"):
				t.Errorf("%s:%d: a path of somebody's machine: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

func TestMachinePath(t *testing.T) {
	for line, want := range map[string]bool{
		"see /home/ann/x.go": true, "cd /work/main": true, `"/root/.cache"`: true,
		"GET /api/work/1": false, "example.org/home/ann/x": false, "(/root is 0700)": false, "~/work/x": false,
	} {
		if machinePath.MatchString(line) != want {
			t.Errorf("%q: not %t", line, want)
		}
	}
}

var (
	fence    = regexp.MustCompile("(?ms)^ *```.*?^ *```|`[^`\n]*`")
	link     = regexp.MustCompile(`!?\[[^\]]*\]\(([^)\s]+)[^)]*\)`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	noAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors are the names under which a Markdown file's headings can be linked to.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		found[strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	files := texts(t)
	for name, text := range files {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue // elsewhere
			}
			to := name
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
				if _, err := os.Stat(filepath.Join(root, to)); err != nil {
					t.Errorf("%s: the link %s leads nowhere", name, m[1])
					continue
				}
			}
			if anchor != "" && strings.HasSuffix(to, ".md") && !anchors(files[to])[anchor] {
				t.Errorf("%s: the link %s: %s has no such heading", name, m[1], to)
			}
		}
	}
}

var (
	// Comments, strings and quoted names; what is between dollars is code.
	notCode = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"[^"]*"`)
	keyword = regexp.MustCompile(`\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|FROM|WHERE|JOIN|AND|OR|NOT|NULL|BEGIN|END|IF|THEN|RETURN|RETURNS|VALUES|ORDER BY|GROUP BY|LANGUAGE|EXECUTE|PERFORM)\b`)
)

func TestSQLIsLowerCaseAndSaysWhatItIsFor(t *testing.T) {
	for name, text := range texts(t) {
		if !strings.HasSuffix(name, ".sql") || strings.Contains(name, "testdata/") {
			continue
		}
		if !strings.HasPrefix(text, "-- ") {
			t.Errorf("%s: the first line is not a comment that says what the file is for", name)
		}
		if k := keyword.FindString(notCode.ReplaceAllString(text, "")); k != "" {
			t.Errorf("%s: %s: keywords are in lower case", name, k)
		}
	}
}
