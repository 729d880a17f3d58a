package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxSocketPath is what fits into sockaddr_un on every system (104 bytes on
// macOS, 108 on Linux, the closing zero included).
const maxSocketPath = 103

// socketDir returns the folder for the socket, empty and closed to all but the
// account and root. It is run/ in the data folder, or a short folder of its own
// where clients could not use that path: too long, or with a comma, at which
// they would split it into two hosts. Nothing runs here: the lock is held.
func (l layout) socketDir(acct account, last string) (string, error) {
	dir := l.run()
	if len(filepath.Join(dir, ".s.PGSQL.65535")) > maxSocketPath || strings.Contains(dir, ",") {
		if last != "" && last != dir {
			if uid, _, ok := owner(last); ok && uid == acct.uid {
				dir = last
			}
		}
		if dir == l.run() {
			var err error
			if dir, err = os.MkdirTemp("/tmp", "howdah-"); err != nil {
				return "", fmt.Errorf("make a short folder for the socket: %w", err)
			}
		}
	}
	if err := acct.ownDir(dir); err != nil {
		return "", fmt.Errorf("make folder for the socket: %w", err)
	}
	// A killed server leaves its socket and the socket's lock, whose process
	// number may belong to somebody else by now.
	left, err := filepath.Glob(filepath.Join(globQuote(dir), ".s.PGSQL.*"))
	if err != nil {
		return "", fmt.Errorf("look for old sockets: %w", err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return "", fmt.Errorf("remove old socket: %w", err)
		}
	}
	return dir, nil
}
