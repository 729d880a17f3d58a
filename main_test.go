package howdah_test

import (
	"testing"

	"github.com/howdah/howdah/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }
