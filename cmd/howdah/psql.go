package main

import (
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/howdah/howdah/internal/postgres"
)

func (a *app) psqlCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "psql [-- psql's arguments]",
		Short:   "Open psql on the database",
		Example: "  howdah psql\n  howdah psql -- -c 'select * from howdah.consumers'",
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := a.databaseURL()
			if err != nil {
				return err
			}
			program, err := findPsql(cmd)
			if err != nil {
				return err
			}
			address, password := splitPassword(address)
			env := os.Environ()
			if password != "" {
				env = append(env, "PGPASSWORD="+password)
			}
			args = append([]string{"psql", "-d", address}, args...)
			if a.In == os.Stdin && a.Out == os.Stdout {
				return syscall.Exec(program, args, env) // psql handles Ctrl-C itself
			}
			run := exec.CommandContext(cmd.Context(), program, args[1:]...)
			run.Env, run.Stdin, run.Stdout, run.Stderr = env, a.In, a.Out, a.Err
			err = run.Run()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return errSilent // psql has said why
			}
			return err
		},
	}
}

// findPsql looks in PATH, then beside the server programs.
func findPsql(cmd *cobra.Command) (string, error) {
	if path, err := exec.LookPath("psql"); err == nil {
		return path, nil
	}
	programs, err := postgres.Installed(cmd.Context())
	if err == nil {
		for _, p := range programs {
			if path, err := exec.LookPath(filepath.Join(p.Dir, "psql")); err == nil {
				return path, nil
			}
		}
	}
	return "", hinted{errors.New("psql is not installed"), "install it with: " + postgres.InstallCommand(0)}
}

// splitPassword takes the password out of a URL: arguments of a process are for everybody to see.
func splitPassword(address string) (string, string) {
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return address, ""
	}
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address, ""
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	return u.String(), password
}
