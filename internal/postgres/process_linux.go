package postgres

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// zombie reads the state that follows the parenthesised name in stat.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return os.IsNotExist(err)
	}
	_, rest, ok := bytes.Cut(b[bytes.LastIndexByte(b, ')')+1:], []byte(" "))
	return ok && len(rest) > 0 && (rest[0] == 'Z' || rest[0] == 'X')
}

// serves tells whether the process is a PostgreSQL of this cluster: all its
// processes work in the cluster's folder.
func serves(pid int, cluster string) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || strings.TrimSpace(string(comm)) != "postgres" {
		return false
	}
	// Until it has changed into its folder a new postmaster has no
	// postmaster.pid, so whoever is named there is past that point.
	cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	dir, err := os.Stat(cluster)
	return err == nil && os.SameFile(cwd, dir)
}

// servants lists every process of this cluster, also those that a killed
// postmaster left behind.
func servants(cluster string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && serves(pid, cluster) && !zombie(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// bootID changes whenever the machine starts.
func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// memory that there is to use in bytes, 0 if unknown: the machine's, or the container's share of it.
func memory() uint64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	return limited(uint64(info.Totalram)*uint64(info.Unit), "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
}

// limited is the least of n and the numbers in those files, which may be missing or say "max".
func limited(n uint64, files ...string) uint64 {
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			if limit, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64); err == nil {
				n = min(n, limit)
			}
		}
	}
	return n
}
