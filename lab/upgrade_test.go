package lab_test

import (
	"testing"

	"github.com/howdah/howdah/internal/testdb"
)

// A lab of an older program gets what is missing; one of this program is opened while its tables are in use.
func TestOpenBringsTablesUpToDate(t *testing.T) {
	url := testdb.New(t)
	l := open(t, url, tiny, 3)
	must(t, l, "alter table lab.alerts drop column system_since")
	must(t, l, "drop table lab.runners")
	must(t, l, "comment on schema lab is 'an older one'")
	l = open(t, url, tiny, 3)
	if err := l.LookAtMachine(t.Context(), l.Info().GoLive); err != nil {
		t.Error(err)
	}
	tx, err := l.DB().Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), "lock table lab.alerts, lab.facts, lab.predictions in row exclusive mode"); err != nil {
		t.Fatal(err)
	}
	must(t, l, "alter database "+l.DB().Pool().Config().ConnConfig.Database+" set lock_timeout = '2s'")
	if _, err := open(t, url, tiny, 3).Runners(t.Context()); err != nil {
		t.Error(err)
	}
	if all, err := l.Alerts(t.Context(), false); err != nil || len(all) != 0 {
		t.Errorf("alerts %v, %v", all, err)
	}
}
