package postgres

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// InstallCommand is the one command that installs PostgreSQL on this machine;
// major 0 means any supported version.
func InstallCommand(major int) string {
	release, _ := os.ReadFile("/etc/os-release") // absent on macOS
	return installCommand(runtime.GOOS, string(release), major, os.Geteuid() == 0)
}

func installCommand(goos, osRelease string, major int, root bool) string {
	numbered := func(plain, format string) string {
		if major == 0 {
			return plain
		}
		return fmt.Sprintf(format, major)
	}
	sudo := "sudo "
	if root {
		sudo = ""
	}
	if goos == "darwin" {
		if major == 0 {
			major = MaxMajor
		}
		return fmt.Sprintf("brew install postgresql@%d", major)
	}
	ids := map[string]bool{}
	lines := bufio.NewScanner(strings.NewReader(osRelease))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		if name == "ID" || name == "ID_LIKE" {
			for _, id := range strings.Fields(strings.Trim(value, `"'`)) {
				ids[id] = true
			}
		}
	}
	switch {
	case ids["debian"], ids["ubuntu"]:
		return sudo + "apt-get install -y " + numbered("postgresql", "postgresql-%d")
	case ids["fedora"], ids["rhel"], ids["centos"]:
		return sudo + "dnf install -y " + numbered("postgresql-server", "postgresql%d-server")
	case ids["alpine"]:
		return sudo + "apk add " + numbered("postgresql", "postgresql%d")
	case ids["suse"], ids["opensuse"]:
		return sudo + "zypper install -y " + numbered("postgresql-server", "postgresql%d-server")
	case ids["arch"]:
		return sudo + "pacman -S --noconfirm postgresql"
	}
	return "your package manager's package of the PostgreSQL server, " + numbered(fmt.Sprintf("version %d to %d", MinMajor, MaxMajor), "version %d")
}
