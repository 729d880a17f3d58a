//go:build !linux

package postgres

import (
	"os/exec"
	"strconv"
	"strings"
)

func zombie(pid int) bool {
	out, err := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

// serves can only compare the name here; PostgreSQL's own checks at its start
// do the rest.
func serves(pid int, _ string) bool {
	out, err := exec.Command("ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres")
}

// servants cannot be told from other clusters' here. PostgreSQL refuses to
// start while they live, by its shared memory.
func servants(string) []int { return nil }

// memory is not asked for here: the smaller setting does.
func memory() uint64 { return 0 }

// bootID is the time of the machine's start.
func bootID() string {
	out, _ := exec.Command("sysctl", "-n", "kern.boottime").Output()
	return strings.TrimSpace(string(out))
}
