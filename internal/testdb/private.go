package testdb

import (
	"context"
	"testing"

	"github.com/howdah/howdah/internal/postgres"
)

// Private gives a test a cluster of its own, to kill or to set up differently: durable unless configure says otherwise,
// empty but for the database howdah, stopped and removed when the test ends.
//
//	s := testdb.Private(t, func(c *postgres.Config) {
//		c.Settings = map[string]string{"max_prepared_transactions": "20"}
//	})
func Private(t testing.TB, configure ...func(*postgres.Config)) *postgres.Server {
	t.Helper()
	c := Config(t.TempDir())
	for _, f := range configure {
		f(&c)
	}
	s, err := postgres.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}
