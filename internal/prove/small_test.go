package prove_test

import (
	"os"
	"strconv"
	"strings"
)

func itoa(n int) string            { return strconv.Itoa(n) }
func contains(s, part string) bool { return strings.Contains(s, part) }
func removeAll(dir string)         { _ = os.RemoveAll(dir) }
