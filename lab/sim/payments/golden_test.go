package payments

import (
	"encoding/json"
	"flag"
	"os"
	"strconv"
	"testing"

	"github.com/howdah/howdah/lab/sim"
)

var update = flag.Bool("update", false, "write the golden hashes anew")

const goldenFile = "testdata/golden.json"

// The events of some days of seed 42, to the byte. They must be the same on every machine, so this test is also run
// with GOAMD64=v3, GOARCH=386 and on arm64. A change of the generator that changes them needs a new scenario version
// once there are users: their day 100 is somebody's homework.
func TestGoldenDays(t *testing.T) {
	w := newWorld(t, 42)
	got := map[string]string{}
	for _, day := range []int{0, 1, 5, 33, 59, 60, 72, 80, 89, 125, 145, 155, 165, 180, 400} {
		got[strconv.Itoa(day)] = sim.Hash(mustDay(t, w, day))
	}
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(goldenFile, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(got) {
		t.Errorf("%d golden days, want %d", len(want), len(got))
	}
	for day, hash := range got {
		if want[day] != hash {
			t.Errorf("day %s: hash %s, want %s", day, hash, want[day])
		}
	}
}
