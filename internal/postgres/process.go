package postgres

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// children are the postmasters that this process started and has to reap; a
// fact of the process, not of any one Server.
var children sync.Map // pid (int) -> struct{}

// Alive tells whether a process exists and has not ended. A zombie that
// nobody reaps, as happens below a container's first process, has ended.
func Alive(pid int) bool {
	if pid <= 1 {
		return false
	}
	if _, ours := children.Load(pid); ours {
		got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if got == pid || errors.Is(err, syscall.ECHILD) {
			children.Delete(pid)
			return false
		}
		return true
	}
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	return !zombie(pid)
}

// A pidFile is what PostgreSQL writes into postmaster.pid.
type pidFile struct {
	pid    int
	port   int
	socket string
	status string // "starting", "ready", "stopping", "standby"; empty at the very start
}

// readPidFile returns nil where there is no postmaster.pid, or one that is
// still empty.
func (l layout) readPidFile() *pidFile {
	b, err := os.ReadFile(l.pidFile())
	if err != nil {
		return nil
	}
	lines := strings.Split(string(b), "\n")
	line := func(n int) string {
		if n < len(lines) {
			return strings.TrimSpace(lines[n])
		}
		return ""
	}
	pid, err := strconv.Atoi(line(0))
	if err != nil {
		return nil
	}
	if pid < 0 { // a single-user server
		pid = -pid
	}
	port, _ := strconv.Atoi(line(3))
	return &pidFile{pid: pid, port: port, socket: line(4), status: line(7)}
}

// postmaster returns the postmaster of this cluster, nil if none runs. A
// postmaster.pid whose number has gone to another program does not count.
func (l layout) postmaster() *pidFile {
	pf := l.readPidFile()
	if pf == nil || !Alive(pf.pid) || !serves(pf.pid, l.cluster()) {
		return nil
	}
	return pf
}
