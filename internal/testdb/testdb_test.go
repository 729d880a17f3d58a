package testdb_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	ctx := context.Background()
	for _, url := range []string{testdb.New(t), testdb.New(t)} {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		var topics int
		if err := conn.QueryRow(ctx, "select count(*) from howdah.topics").Scan(&topics); err != nil || topics != 0 {
			t.Fatalf("%d topics in a new database, error %v", topics, err)
		}
		if _, err := conn.Exec(ctx, "select howdah.create_topic('payments')"); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close(ctx)
	}
}
