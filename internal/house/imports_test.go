package house

import (
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/howdah/howdah"

// floors says what the packages of a folder must not import: imports go down only, and a protocol knows no database.
// "." is the root package; a folder stands for everything below it.
var floors = map[string][]string{
	"internal/schema":   {".", "cmd", "server", "lab", "bench", "internal"},
	"internal/postgres": {".", "cmd", "server", "lab", "bench", "internal"},
	"internal/eventlog": {".", "cmd", "server", "lab", "bench", "internal/httpapi", "internal/console"},
	"internal/docs":     {".", "cmd", "server", "lab", "bench", "internal/httpapi", "internal/console", "internal/eventlog"},
	"internal/objects":  {".", "cmd", "server", "lab", "bench", "internal"},
	".":                 {"cmd", "server", "lab", "bench", "internal/httpapi", "internal/console", "internal/s3"},
	"internal/httpapi":  {"cmd", "server", "lab", "bench", "internal/schema", "internal/eventlog", "internal/docs", "internal/objects", "internal/postgres", "pgx"},
	"internal/s3":       {"cmd", "server", "lab", "bench", "internal/schema", "internal/eventlog", "internal/docs", "internal/objects", "internal/postgres", "pgx"},
	"internal/console":  {"cmd", "server", "lab", "bench", "internal/schema", "internal/eventlog", "internal/docs", "internal/objects", "internal/postgres", "pgx"},
	"server":            {"cmd", "lab", "bench"},
	"lab":               {"cmd", "server", "bench", "internal"},
}

func TestImportsGoDown(t *testing.T) {
	looked := map[string]bool{}
	for name, text := range texts(t) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for floor, forbidden := range floors {
			if !within(path.Dir(name), floor) {
				continue
			}
			looked[floor] = true
			for _, spec := range file.Imports {
				target, _ := strconv.Unquote(spec.Path.Value)
				for _, f := range forbidden {
					if imports(target, f) && !(floor != "." && imports(target, floor)) {
						t.Errorf("%s imports %s, which is not below %s", name, target, floor)
					}
				}
			}
		}
	}
	if !looked["."] || !looked["internal/schema"] {
		t.Errorf("looked only at %v", looked)
	}
}

// within tells whether a folder is, or lies below, a floor.
func within(folder, floor string) bool {
	return folder == floor || floor != "." && strings.HasPrefix(folder, floor+"/")
}

func imports(target, folder string) bool {
	if folder == "pgx" {
		return strings.HasPrefix(target, "github.com/jackc/pgx")
	}
	inside, ok := strings.CutPrefix(target, module)
	if !ok {
		return false
	}
	if inside = strings.TrimPrefix(inside, "/"); inside == "" {
		inside = "."
	}
	return within(inside, folder)
}
