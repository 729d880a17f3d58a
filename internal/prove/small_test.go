package prove_test

import (
	"io"
	"os"
	"strconv"
	"strings"
)

func itoa(n int) string            { return strconv.Itoa(n) }
func contains(s, part string) bool { return strings.Contains(s, part) }
func removeAll(dir string)         { _ = os.RemoveAll(dir) }

func pipe() (*io.PipeReader, *io.PipeWriter) { return io.Pipe() }

func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}
