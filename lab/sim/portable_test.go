package sim_test

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

var fused = regexp.MustCompile(`(?m)^.*\bFN?M(ADD|SUB)[DS]\b.*$`)

// The compiler for arm64 must find no multiply-add to fuse in the simulator: a fused one rounds once instead of twice,
// and the events of that machine would be others.
func TestNothingIsFusedOnARM(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for another processor")
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go tool")
	}
	cmd := exec.Command(goTool, "build", "-gcflags=-S", "./draw", "./payments")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(out) < 100_000 {
		t.Fatalf("only %d bytes of assembly: is this still what -S prints?", len(out))
	}
	for i, line := range fused.FindAll(out, 10) {
		t.Errorf("fused multiply-add %d: %s", i+1, line)
	}
}
