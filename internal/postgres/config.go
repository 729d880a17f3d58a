package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// Versions of PostgreSQL that are supported, both included.
const (
	MinMajor = 14
	MaxMajor = 18
)

// Names inside the private cluster.
const (
	Superuser = "postgres"
	Role      = "howdah"
	Database  = "howdah"
)

// Config says which PostgreSQL to start. The zero value is the user's own
// default: DefaultDataDir with the programs of this machine.
type Config struct {
	// DataDir is the data folder; it is made if missing. Empty: DefaultDataDir.
	DataDir string

	// BinDir is the folder of postgres and initdb. Empty: $HOWDAH_PG_BIN, then
	// what Installed finds, then what Fetch fetches.
	BinDir string

	// NoFetch makes missing programs an error instead of a download.
	NoFetch bool

	// Settings are given to PostgreSQL on its command line and win over
	// everything else. They count only for the user that really starts it.
	Settings map[string]string

	// Disposable turns fsync off. A killed process loses nothing by that, a
	// crash of the operating system may: the cluster is made anew after each
	// start of the machine. For tests.
	Disposable bool

	// KeepRunning leaves the server running when this user is the last to go.
	KeepRunning bool

	// Log gets what an operator wants to know later. Nil: nothing is logged.
	Log *slog.Logger

	// Progress is told, in short sentences, what takes time. May be nil.
	Progress func(string)
}

func (c Config) withDefaults() (Config, error) {
	if c.DataDir == "" {
		dir, err := DefaultDataDir()
		if err != nil {
			return c, err
		}
		c.DataDir = dir
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return c, fmt.Errorf("resolve data folder %q: %w", c.DataDir, err)
	}
	c.DataDir = dir
	if c.BinDir == "" {
		c.BinDir = os.Getenv("HOWDAH_PG_BIN")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c, nil
}

// DefaultDataDir is $XDG_DATA_HOME/howdah or ~/.local/share/howdah; for a root
// without a home, as in a service, /var/lib/howdah.
func DefaultDataDir() (string, error) {
	if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "howdah"), nil
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "share", "howdah"), nil
	}
	if os.Geteuid() == 0 {
		return "/var/lib/howdah", nil
	}
	return "", errors.New("find the default data folder: neither XDG_DATA_HOME nor HOME is set; set one of them or name a data folder")
}
