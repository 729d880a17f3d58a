package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Programs is one installation of PostgreSQL's server programs.
type Programs struct {
	Dir     string // holds postgres and initdb, symbolic links resolved
	Version string // as "15.12"
	Major   int
}

// ErrNoPrograms is what is wrapped when no usable PostgreSQL is on the machine.
var ErrNoPrograms = errors.New("no usable PostgreSQL on this machine")

// usualDirs are where packages put the server programs, which they often keep
// out of PATH.
var usualDirs = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PGDG on Fedora, RHEL
	"/usr/lib/postgresql*/bin",                           // SUSE
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/lib64/postgresql-*/bin",                        // Gentoo
	"/usr/local/pgsql/bin",                               // from source
	"/usr/local/opt/postgresql*/bin",                     // Homebrew on Intel
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew on Apple silicon
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew on Linux
	"/opt/local/lib/postgresql*/bin",                     // MacPorts
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/Library/PostgreSQL/*/bin",                          // EDB on macOS
	"/usr/bin", "/usr/local/bin", "/run/current-system/sw/bin",
}

// Installed lists the supported installations of this machine, the highest
// version first. Without a supported one the error is ErrNoPrograms.
func Installed(ctx context.Context) ([]Programs, error) {
	acct, err := chooseAccount("")
	if err != nil {
		return nil, err
	}
	return installed(ctx, acct)
}

func installed(ctx context.Context, acct account) ([]Programs, error) {
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(dir) {
			dirs = append(dirs, dir)
		}
	}
	if config, err := exec.LookPath("pg_config"); err == nil {
		if out, err := exec.CommandContext(ctx, config, "--bindir").Output(); err == nil {
			dirs = append(dirs, strings.TrimSpace(string(out)))
		}
	}
	for _, pattern := range usualDirs {
		if found, err := filepath.Glob(pattern); err == nil {
			dirs = append(dirs, found...)
		}
	}
	var all []Programs
	var rejected []error
	seen := map[string]bool{}
	for _, dir := range dirs {
		p, err := inspect(ctx, acct, dir)
		switch {
		case errors.Is(err, os.ErrNotExist): // nothing there, which is no news
		case err != nil:
			rejected = append(rejected, err)
		case !seen[p.Dir]:
			seen[p.Dir] = true
			all = append(all, p)
		}
	}
	// Stable: of equal versions, the one that PATH names first.
	slices.SortStableFunc(all, func(a, b Programs) int { return compareVersions(b.Version, a.Version) })
	if len(all) == 0 {
		return nil, errors.Join(append([]error{ErrNoPrograms}, rejected...)...)
	}
	return all, ctx.Err()
}

// inspect looks at one folder. It follows the link or wrapper named postgres to
// the folder where initdb stands beside it, and runs it as the account that it
// would run as.
func inspect(ctx context.Context, acct account, dir string) (Programs, error) {
	server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		return Programs{}, fmt.Errorf("look for postgres: %w", err)
	}
	// A link in /usr/local/bin leads to the real folder; a script without
	// initdb at its side is somebody's wrapper.
	real := filepath.Dir(server)
	if _, err := os.Stat(filepath.Join(real, "initdb")); err != nil {
		return Programs{}, fmt.Errorf("%s has no initdb beside it", server)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	version := ""
	for _, program := range []string{"postgres", "initdb"} {
		out, err := acct.command(ctx, filepath.Join(real, program), "--version").CombinedOutput()
		if err != nil {
			return Programs{}, fmt.Errorf("run %s as user %s: %w %s", filepath.Join(real, program), acct.name, err, strings.TrimSpace(string(out)))
		}
		v := versionPattern.FindString(string(out))
		if version != "" && v != version {
			return Programs{}, fmt.Errorf("%s holds programs of PostgreSQL %s and %s", real, version, v)
		}
		version = v
	}
	major, ok := parseMajor(version)
	if !ok || major < MinMajor || major > MaxMajor {
		return Programs{}, fmt.Errorf("%s is PostgreSQL %s; supported are %d to %d", real, version, MinMajor, MaxMajor)
	}
	return Programs{Dir: real, Version: version, Major: major}, nil
}

var versionPattern = regexp.MustCompile(`\d+(\.\d+|beta\d+|rc\d+|devel)`)

func parseMajor(version string) (int, bool) {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	major, err := strconv.Atoi(version[:end])
	return major, err == nil
}

func compareVersions(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := parseMajor(x[i])
		n, _ := parseMajor(y[i])
		if m != n {
			return m - n
		}
	}
	return len(x) - len(y)
}

// choose returns the programs for a cluster of the given major version, or
// the best there are where there is no cluster yet (major 0).
func choose(ctx context.Context, cfg Config, acct account, major int) (Programs, error) {
	if cfg.BinDir != "" {
		p, err := inspect(ctx, acct, cfg.BinDir)
		if err != nil {
			return p, fmt.Errorf("use the PostgreSQL in %s: %w%s", cfg.BinDir, err, privateHint(acct, err))
		}
		if major != 0 && p.Major != major {
			return p, fmt.Errorf("data folder %s was made by PostgreSQL %d, but %s is PostgreSQL %s: name the programs of %d, or choose another data folder",
				cfg.DataDir, major, p.Dir, p.Version, major)
		}
		return p, nil
	}
	found, missing := installed(ctx, acct)
	if ctx.Err() != nil {
		return Programs{}, ctx.Err()
	}
	for _, p := range found {
		if major == 0 || p.Major == major {
			return p, nil
		}
	}
	if missing == nil {
		missing = fmt.Errorf("data folder %s was made by PostgreSQL %d, and this machine has only %s", cfg.DataDir, major, found[0].Version)
	}
	if cfg.NoFetch {
		return Programs{}, fmt.Errorf("%w; install it: %s", missing, InstallCommand(major))
	}
	p, err := Fetch(ctx, major, cfg.Progress)
	if err != nil {
		return p, fmt.Errorf("%w, and it could not be fetched: %w; install it: %s", missing, err, InstallCommand(major))
	}
	return p, nil
}

func privateHint(acct account, err error) string {
	if acct.other && errors.Is(err, os.ErrPermission) {
		return fmt.Sprintf("; user %s, who runs PostgreSQL for root, must be able to enter every folder above it", acct.name)
	}
	return ""
}
