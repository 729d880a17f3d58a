package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/howdah/howdah/lab"
)

// tiny is a world that is played within seconds; it goes live without a model, for want of days to train on.
const tiny = `
prehistory_days = 3
[customers]
count = 100
[merchants]
count = 200
online = 20
`

func TestLabCommands(t *testing.T) {
	s := newShell(t)
	file := filepath.Join(t.TempDir(), "tiny.toml")
	if err := os.WriteFile(file, []byte(tiny), 0o600); err != nil {
		t.Fatal(err)
	}
	s.fails(exitError, []string{"lab", "status"}, "there is no lab", "howdah demo")
	run := func(until string) *lab.Report {
		var r lab.Report
		if err := json.Unmarshal([]byte(s.ok("lab", "run", "--seed", "3", "--scenario", file, "--until", until, "--json")), &r); err != nil {
			t.Fatal(err)
		}
		for _, o := range r.Oracle {
			if !o.Equal {
				t.Errorf("day %s: %s is %d, the oracle says %d", until, o.What, o.Got, o.Want)
			}
		}
		return &r
	}
	if r := run("4"); r.Day != 4 || r.Outcomes["accepted"] == 0 || len(r.Runs) != 2 || r.Runs[0].Outcome != "too early" {
		t.Errorf("report of 4 days: %+v", r)
	}
	if r := run("5"); r.Day != 5 { // goes on
		t.Errorf("day %d, want 5", r.Day)
	}
	s.fails(exitError, []string{"lab", "run", "--seed", "4", "--scenario", file}, "plays another scenario", "howdah lab reset")
	if out := s.ok("lab", "status"); !strings.Contains(out, "payments, seed 3   day 5") || !strings.Contains(out, "clean") {
		t.Error(out)
	}
	var before, after struct {
		Day    int
		Speed  float64
		Paused bool

		Running bool
		At      time.Time `json:"scenario_time"`
	}
	decode := func(into any, args ...string) {
		if err := json.Unmarshal([]byte(s.ok(append(args, "--json")...)), into); err != nil {
			t.Fatal(err)
		}
	}
	decode(&before, "lab", "pause")
	decode(&after, "lab", "jump", "7")
	if !before.Paused || before.Day != 5 || after.Day != 7 || !after.Paused {
		t.Errorf("paused %+v, jumped %+v", before, after)
	}
	decode(&after, "lab", "step", "90m")
	if after.Running || after.At.Format("02 15:04") != "08 01:30" {
		t.Errorf("stepped %+v", after)
	}
	if out := s.ok("lab", "step", "1m"); !strings.Contains(out, "day 7") || !strings.Contains(out, "howdah demo") {
		t.Errorf("a step of a lab that nobody runs says %q", out)
	}
	decode(&after, "lab", "speed", "24")
	decode(&before, "lab", "resume")
	if after.Speed != 24 || before.Paused {
		t.Errorf("speed %+v, resumed %+v", after, before)
	}
	s.fails(exitError, []string{"lab", "jump", "6"}, "cannot go back")
	s.fails(exitUsage, []string{"lab", "speed", "fast"}, "720")
	s.fails(exitUsage, []string{"lab", "step", "0s"}, "30m")
	s.fails(exitError, []string{"lab", "inject", "fire"}, "drop_labels")
	s.fails(exitError, []string{"lab", "inject", "rename", "--share", "2"}, "up to 1")
	s.fails(exitError, []string{"lab", "promote", "3"}, "no version 3")
	s.fails(exitError, []string{"lab", "rollback"}, "no other champion")
	s.fails(exitError, []string{"lab", "explain", "x"}, "lab.predictions")
	s.ok("lab", "inject", "garbage", "--for", "12h")
	var r lab.Report // the oracle knows nothing of it
	decode(&r, "lab", "run", "--seed", "3", "--scenario", file, "--until", "6")
	if r.Quarantined["unparsable"] < 20 {
		t.Errorf("set aside after the fault: %v", r.Quarantined)
	}
	if out := s.ok("lab", "train", "--json"); !strings.Contains(out, "too early") {
		t.Error(out)
	}
	s.fails(exitUsage, []string{"lab", "reset"}, "--yes")
	s.ok("lab", "reset", "--yes")
	s.fails(exitError, []string{"lab", "status"}, "there is no lab")
	if lines := s.rows("lab", "events", "--scenario", file, "--seed", "3", "--until", "1", "--oracle"); len(lines) < 300 || lines[0]["outcome"] != "accepted" {
		t.Errorf("%d truths", len(lines))
	}
}
