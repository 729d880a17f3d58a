package postgres

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// state is what the next user of a data folder has to know. It is written
// under the lock only, and read without it.
type state struct {
	Layout  int    `json:"layout"`            // of the data folder, 1
	Port    int    `json:"port,omitempty"`    // kept from start to start while it is free
	Socket  string `json:"socket,omitempty"`  // folder of the unix socket
	BinDir  string `json:"bin_dir,omitempty"` // programs of the last start
	Boot    string `json:"boot,omitempty"`    // of the machine at the last start
	Stopped bool   `json:"stopped,omitempty"` // on request: do not restart
	Major   int    `json:"major,omitempty"`   // version of the cluster
	Durable bool   `json:"durable,omitempty"` // fsync was on at the last start
}

func (l layout) readState() (state, error) {
	var st state
	b, err := os.ReadFile(l.state())
	if errors.Is(err, fs.ErrNotExist) {
		return state{Layout: 1}, nil
	}
	if err != nil {
		return st, fmt.Errorf("read state of data folder: %w", err)
	}
	if err := json.Unmarshal(b, &st); err != nil {
		return st, fmt.Errorf("read state of data folder %s: %w", l.state(), err)
	}
	if st.Layout != 1 {
		return st, fmt.Errorf("data folder %s has layout %d, this program knows layout 1: use the newer howdah that made it", l.root, st.Layout)
	}
	return st, nil
}

func (l layout) writeState(st state) error {
	b, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("encode state of data folder: %w", err)
	}
	if err := l.replace(l.state(), append(b, '\n')); err != nil {
		return fmt.Errorf("write state of data folder: %w", err)
	}
	return nil
}

// readPassword returns the role's password, empty if none was made yet.
func (l layout) readPassword() (string, error) {
	b, err := os.ReadFile(l.password())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// ensurePassword makes the password where there is none.
func (l layout) ensurePassword() (string, error) {
	if pw, err := l.readPassword(); err != nil || pw != "" {
		return pw, err
	}
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return "", fmt.Errorf("make password: %w", err)
	}
	pw := hex.EncodeToString(raw)
	if err := l.replace(l.password(), []byte(pw+"\n")); err != nil {
		return "", fmt.Errorf("write password: %w", err)
	}
	return pw, nil
}
