package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inText   = regexp.MustCompile("`(howdah [^`]+)`")
	ofLine   = regexp.MustCompile(`(?m)^    (howdah .+)$`)
	aPlace   = regexp.MustCompile(`^[A-Z_]+$`)      // such as DAY: any number will do
	endOfCmd = regexp.MustCompile(`   .*| [>|] .*`) // a remark, or where the output goes
)

// Every command that the documents name is there, with these flags.
func TestCommandsOfTheDocuments(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range append(inText.FindAllStringSubmatch(string(text), -1), ofLine.FindAllStringSubmatch(string(text), -1)...) {
			line := endOfCmd.ReplaceAllString(m[1], "")
			if strings.ContainsAny(line, "…'\"$(") { // not the whole of it, or more than words
				continue
			}
			args := strings.Fields(line)[1:]
			for i := range args {
				if aPlace.MatchString(args[i]) {
					args[i] = "1"
				}
			}
			n++
			cmd, rest, err := (&app{}).rootCommand().Find(args)
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err != nil && strings.HasPrefix(err.Error(), "flag needs an argument") { // only named
				continue
			}
			if err == nil && cmd.HasSubCommands() && len(cmd.Flags().Args()) > 0 {
				err = usageError{os.ErrNotExist}
			}
			if err != nil {
				t.Errorf("%s: %s: %v", filepath.Base(file), m[1], err)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d commands found", n)
	}
}
