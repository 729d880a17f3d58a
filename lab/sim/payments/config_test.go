package payments

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/howdah/howdah/lab/sim"
)

func TestAFileOverridesWhatItNames(t *testing.T) {
	plain, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Override([]byte(`
speed = 2880
[customers]
count = 50
[fraud.bad_merchant]
share = 0.5
[[timetable]]
incident = "label_outage"
from = 3
until = 4.5
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Speed != 2880 || c.Customers.Count != 50 || c.Fraud.BadMerchant.Share != 0.5 {
		t.Errorf("not overridden: %+v", c)
	}
	if c.Fraud.BadMerchant.Days != plain.Fraud.BadMerchant.Days || len(c.Customers.Segments) != len(plain.Customers.Segments) {
		t.Error("what the file leaves out has changed")
	}
	if len(c.Timetable) != 1 || c.Timetable[0] != (Incident{Kind: LabelOutage, From: 3, Until: 4.5}) {
		t.Errorf("the timetable is not replaced: %+v", c.Timetable)
	}
	c, err = Override([]byte(`customers.segments = [{ name = "all", share = 1.0, median = 2000 }]` + "\ntimetable = []\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Customers.Segments) != 1 || len(c.Timetable) != 0 {
		t.Errorf("lists are not replaced: %+v, %+v", c.Customers.Segments, c.Timetable)
	}
	// A list element that leaves a field out must not inherit it from the delivered list.
	c, err = Override([]byte("[[timetable]]\nincident = \"card_testing\"\nfrom = 1\n"))
	if err != nil || c.Timetable[0] != (Incident{Kind: CardTestingOn, From: 1}) {
		t.Errorf("%+v, %v", c.Timetable, err)
	}
}

func TestTheDeliveredFileIsTheDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.toml")
	if err := os.WriteFile(path, DefaultFile(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := New(c, 42)
	if err != nil {
		t.Fatal(err)
	}
	if sim.Hash(mustDay(t, w, 3)) != sim.Hash(mustDay(t, newWorld(t, 42), 3)) {
		t.Error("the delivered file, loaded, makes another world")
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("a missing file is accepted")
	}
}

func TestBadFilesAreRefusedWithTheReason(t *testing.T) {
	for file, want := range map[string]string{
		"[customers]\ncuont = 5":                         "customers.cuont",
		"[customers]\ncount = \"many\"":                  "line 2",
		"speed = ":                                       "line 1",
		"[customers]\ncount = 0":                         "customers.count",
		"[labels]\nreported = 1.5":                       "labels.reported",
		"[dirt]\namount_text = 0.7\nextra_field = 0.7":   "add up",
		"epoch = 2025-01-01T06:00:00Z":                   "midnight",
		"name = \"homes\"":                               "payments",
		"[[timetable]]\nincident = \"flood\"\nfrom = 1":  "label_outage",
		"[[timetable]]\nincident = \"label_outage\"":     "until",
		"[risk_tiers]\nweekday = \"Mo\"":                 "Monday",
		"[fraud.stolen_card]\nspawn = nan":               "spawn",
		"[fraud.night_purchase]\ncategories = [\"toy\"]": "toy",
		"[customers]\ncount = 1\ngrid = 99":              "grid",
	} {
		if _, err := Override([]byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that names %q", file, err, want)
		}
	}
}

func FuzzOverride(f *testing.F) {
	f.Add([]byte("speed = 1\n[[timetable]]\nincident = \"cohort\"\n"))
	f.Add(DefaultFile())
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := Override(file)
		if err == nil && c.Validate() != nil {
			t.Error("an invalid scenario passes")
		}
	})
}
