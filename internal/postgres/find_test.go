package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInstalled(t *testing.T) {
	all, err := Installed(t.Context())
	if errors.Is(err, ErrNoPrograms) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		if p.Major < MinMajor || p.Major > MaxMajor || !strings.HasPrefix(p.Version, "1") {
			t.Errorf("found %+v", p)
		}
		if i > 0 && compareVersions(all[i-1].Version, p.Version) < 0 {
			t.Errorf("%s comes before %s", all[i-1].Version, p.Version)
		}
	}
}

// PATH leads to programs through links, and past wrappers that stand alone.
func TestFoundThroughPath(t *testing.T) {
	// Not below t.TempDir, which is closed to the account that root lends.
	dir, err := os.MkdirTemp("/tmp", "find-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write("real/postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 18.99 (Somewhere 18.99-1)'\n")
	write("real/initdb", "#!/bin/sh\necho 'initdb (PostgreSQL) 18.99 (Somewhere 18.99-1)'\n")
	write("wrapper/postgres", "#!/bin/sh\necho 'postgres (PostgreSQL) 18.100'\n")
	if err := os.Mkdir(filepath.Join(dir, "links"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../real/postgres", filepath.Join(dir, "links", "postgres")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", strings.Join([]string{dir + "/wrapper", dir + "/links", dir + "/real", os.Getenv("PATH")}, ":"))
	all, err := Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range all {
		if p.Version == "18.100" {
			t.Errorf("trusted a wrapper: %+v", p)
		}
		if p.Version == "18.99" {
			found++
		}
	}
	real, err := filepath.EvalSymlinks(filepath.Join(dir, "real"))
	if err != nil {
		t.Fatal(err)
	}
	if found != 1 || all[0] != (Programs{Dir: real, Version: "18.99", Major: 18}) {
		t.Errorf("found %+v", all)
	}
	acct, err := chooseAccount("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := choose(context.Background(), Config{NoFetch: true}, acct, 18)
	if err != nil || p.Dir != real {
		t.Errorf("for a cluster of 18: %+v, %v", p, err)
	}
}

func TestNothingFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	saved := usualDirs
	usualDirs = nil
	defer func() { usualDirs = saved }()
	_, err := Start(t.Context(), Config{DataDir: t.TempDir(), NoFetch: true, BinDir: ""})
	if os.Getenv("HOWDAH_PG_BIN") != "" {
		t.Skip("HOWDAH_PG_BIN names programs")
	}
	if !errors.Is(err, ErrNoPrograms) || !strings.Contains(err.Error(), "install it: "+InstallCommand(0)) {
		t.Errorf("got %v", err)
	}
}

func TestInstallCommand(t *testing.T) {
	for _, c := range []struct {
		goos, release string
		major         int
		root          bool
		want          string
	}{
		{"linux", "NAME=x\nID=debian\n", 0, false, "sudo apt-get install -y postgresql"},
		{"linux", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", 16, true, "apt-get install -y postgresql-16"},
		{"linux", "ID=fedora\n", 0, false, "sudo dnf install -y postgresql-server"},
		{"linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", 0, true, "dnf install -y postgresql-server"},
		{"linux", "ID=alpine\n", 17, true, "apk add postgresql17"},
		{"linux", "ID=arch\n", 0, false, "sudo pacman -S --noconfirm postgresql"},
		{"linux", "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", 0, false, "sudo zypper install -y postgresql-server"},
		{"darwin", "", 0, false, "brew install postgresql@18"},
		{"darwin", "", 15, false, "brew install postgresql@15"},
		{"linux", "", 0, false, "your package manager's package of the PostgreSQL server, version 14 to 18"},
	} {
		if got := installCommand(c.goos, c.release, c.major, c.root); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestVersions(t *testing.T) {
	for output, want := range map[string]string{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)": "15.18",
		"initdb (PostgreSQL) 18.4":                             "18.4",
		"postgres (PostgreSQL) 19beta2":                        "19beta2",
		"postgres (PostgreSQL) 20devel":                        "20devel",
	} {
		if got := versionPattern.FindString(output); got != want {
			t.Errorf("%s: %q", output, got)
		}
	}
	if compareVersions("15.9", "15.10") >= 0 || compareVersions("18.0", "9.6") <= 0 || compareVersions("17.2", "17.2") != 0 {
		t.Error("versions are compared as text")
	}
}
