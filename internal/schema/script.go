package schema

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed begin.sql install.sql migrations functions views
var files embed.FS

// script is an upgrade: statements to be run one after another in one transaction. The first step takes the lock.
type script struct {
	version int
	hash    string // of the functions and views, and of how they are installed
	steps   []step
}

type step struct {
	file string
	sql  string
}

var load = sync.OnceValues(func() (script, error) { return loadFrom(files) })

var (
	migrationFile = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.sql$`)
	functionName  = regexp.MustCompile(`(?m)^create or replace function howdah\.([a-z0-9_]+)\s*\(`)
	viewName      = regexp.MustCompile(`(?m)^create (?:or replace )?view howdah\.([a-z0-9_]+)\s`)
)

func loadFrom(source fs.FS) (script, error) {
	begin, err := fs.ReadFile(source, "begin.sql")
	if err != nil {
		return script{}, err
	}
	install, err := fs.ReadFile(source, "install.sql")
	if err != nil {
		return script{}, err
	}
	var s script
	migrations, err := s.migrations(source)
	if err != nil {
		return s, err
	}
	sum := sha256.New()
	sum.Write(install)
	functions, functionNames, err := objects(source, "functions", functionName)
	if err != nil {
		return s, err
	}
	views, viewNames, err := objects(source, "views", viewName)
	if err != nil {
		return s, err
	}
	for _, o := range append(functions, views...) {
		_, _ = fmt.Fprintf(sum, "%s\n%s\n", o.file, o.sql)
	}
	s.hash = hex.EncodeToString(sum.Sum(nil))
	s.steps = append(s.steps,
		step{"begin.sql", fmt.Sprintf("set local howdah.target = %d;\n%s", s.version, begin)},
		step{"install.sql", string(install)})
	s.steps = append(s.steps, migrations...)
	s.steps = append(s.steps, functions...)
	s.steps = append(s.steps, views...)
	s.steps = append(s.steps, step{"finish", fmt.Sprintf("select howdah.finish_install('%s',\n    '{%s}',\n    '{%s}');\ndrop function howdah.finish_install;\n",
		s.hash, strings.Join(functionNames, ","), strings.Join(viewNames, ","))})
	return s, nil
}

// migrations returns a step for each migration and sets the version that they lead to.
func (s *script) migrations(source fs.FS) (steps []step, err error) {
	entries, err := fs.ReadDir(source, "migrations")
	if err != nil {
		return nil, err
	}
	for i, e := range entries {
		file := path.Join("migrations", e.Name())
		m := migrationFile.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("%s: the name is not NNNN_name.sql", file)
		}
		if n, _ := strconv.Atoi(m[1]); n != i+1 {
			return nil, fmt.Errorf("%s: number %d is missing, or there twice", file, i+1)
		}
		body, err := fs.ReadFile(source, file)
		if err != nil {
			return nil, err
		}
		quoted, err := quote(file, body)
		if err != nil {
			return nil, err
		}
		s.version = i + 1
		steps = append(steps, step{file, fmt.Sprintf("select howdah.run_migration(%d, '%s', %s);\n", s.version, m[2], quoted)})
	}
	return steps, nil
}

// objects returns a step for each .sql file below a folder, in the order of their paths, and the objects' names.
func objects(source fs.FS, folder string, pattern *regexp.Regexp) (steps []step, names []string, err error) {
	kind := strings.TrimSuffix(folder, "s")
	seen := map[string]string{}
	err = fs.WalkDir(source, folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".sql" {
			return err
		}
		body, err := fs.ReadFile(source, file)
		if err != nil {
			return err
		}
		found := pattern.FindAllStringSubmatch(string(body), -1)
		if len(found) != 1 {
			return fmt.Errorf("%s: it has %d statements that create a %s of schema howdah, not one", file, len(found), kind)
		}
		name := found[0][1]
		if other := seen[name]; other != "" {
			return fmt.Errorf("%s: %s %s is in %s too", file, kind, name, other)
		}
		seen[name] = file
		if kind == "view" && len(names) > 0 && "howdah."+name < names[len(names)-1] {
			return fmt.Errorf("%s: views are dropped in the order of their names, which is not that of their files", file)
		}
		quoted, err := quote(file, body)
		if err != nil {
			return err
		}
		names = append(names, "howdah."+name)
		steps = append(steps, step{file, fmt.Sprintf("select howdah.install_%s('%s', %s);\n", kind, name, quoted)})
		return nil
	})
	return steps, names, err
}

const tag = "$howdah$"

// quote makes a string constant of a file's text without changing a character of it.
func quote(file string, body []byte) (string, error) {
	if strings.Contains(string(body), tag) {
		return "", fmt.Errorf("%s: it must not contain %s", file, tag)
	}
	return tag + "\n" + string(body) + tag, nil
}
