package schema_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/howdah/howdah/internal/schema"
)

// migrate runs an upgrade with some of the files changed.
func migrate(t testing.TB, conn *pgx.Conn, changes map[string]string) (schema.Report, error) {
	t.Helper()
	return variant(t, changes)(context.Background(), conn)
}

func variant(t testing.TB, changes map[string]string) schema.MigrateFunc {
	t.Helper()
	run, _, err := schema.Variant(changes)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestMigrateNeedsOnlyCreate(t *testing.T) {
	url := emptyDatabase(t)
	admin := connect(t, url)
	role := one[string](t, admin, "select 'Role ' || current_database()")
	quoted, stranger := pgx.Identifier{role}.Sanitize(), pgx.Identifier{role + " stranger"}.Sanitize()
	for _, r := range []string{quoted, stranger} {
		must(t, admin, "create role "+r)
		must(t, admin, fmt.Sprintf("grant %s to %s", r, pgx.Identifier{one[string](t, admin, "select current_user")}.Sanitize()))
		t.Cleanup(func() {
			must(t, admin, "drop owned by "+r)
			must(t, admin, "drop role "+r)
		})
	}
	conn := connect(t, url)
	must(t, conn, "set role "+quoted)
	must(t, conn, "set search_path = ''")

	_, err := schema.Migrate(context.Background(), conn)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "42501" || !strings.Contains(pg.Hint, "grant create on database") {
		t.Fatalf("without CREATE: %v", err)
	}
	_, grant, _ := strings.Cut(pg.Hint, "may say: ")
	must(t, admin, grant) // what the hint says helps

	report, err := schema.Migrate(context.Background(), conn)
	if err != nil || report.From != 0 || report.To != schema.Version() || !report.Installed {
		t.Fatalf("first: %+v, %v", report, err)
	}
	report, err = schema.Migrate(context.Background(), conn)
	if err != nil || report.From != schema.Version() || report.Installed {
		t.Fatalf("second: %+v, %v", report, err)
	}
	must(t, conn, "select howdah.create_topic('payments')")
	must(t, conn, "select howdah.create_consumer('audit', 'payments')")
	must(t, conn, `select howdah.publish('payments', '{"n": 1}')`)
	if n := one[int](t, conn, "select count(*) from howdah.claim('audit')"); n != 1 {
		t.Errorf("%d events claimed, not 1", n)
	}

	// A member of the role, or a superuser, upgrades it: everything keeps its owner.
	changes := map[string]string{"functions/added.sql": "create or replace function howdah.added() returns int language sql as 'select 1';"}
	if _, err := migrate(t, admin, changes); err != nil {
		t.Fatal(err)
	}
	strangers := one[int](t, admin, `select count(*) from pg_proc where pronamespace = 'howdah'::regnamespace and proowner <> (select oid from pg_roles where rolname = $1)`, role)
	if strangers > 0 {
		t.Errorf("%d functions have another owner", strangers)
	}

	// Somebody else may not.
	must(t, conn, "reset role")
	must(t, conn, "set role "+stranger)
	if _, err := schema.Migrate(context.Background(), conn); !errors.As(err, &pg) || pg.Code != "42501" || !strings.Contains(pg.Message, role) {
		t.Errorf("as a stranger: %v", err)
	}
}

func TestMigrateAtOnce(t *testing.T) {
	url := emptyDatabase(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	installed := 0
	for range 8 {
		conn := connect(t, url)
		wg.Go(func() {
			report, err := schema.Migrate(context.Background(), conn)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if report.Installed {
				installed++
			}
		})
	}
	wg.Wait()
	if installed != 1 {
		t.Errorf("%d of 8 installed it, not one", installed)
	}
}

func TestMigrateRefusesNewer(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "insert into howdah.migration (number, name) values ($1, 'of the future')", schema.Version()+1)
	_, err := schema.Migrate(context.Background(), conn)
	if !errors.Is(err, schema.ErrNewerSchema) {
		t.Errorf("not ErrNewerSchema: %v", err)
	}
}

const oldFile, viewFile = "functions/old.sql", "views/sample.sql"

func TestUpgradeReplacesDropsAndKeeps(t *testing.T) {
	conn := connect(t, newDatabase(t))
	before := map[string]string{
		oldFile:               "create or replace function howdah.old(a int) returns int language sql as 'select a';",
		"functions/gone.sql":  "create or replace function howdah.gone() returns int language sql as 'select 1';",
		"functions/stays.sql": "create or replace function howdah.stays() returns trigger language plpgsql as 'begin return new; end';",
		viewFile:              "create or replace view howdah.sample as select howdah.old(1) as one;",
		"views/sample_of.sql": "create or replace view howdah.sample_of as select one from howdah.sample;",
	}
	if _, err := migrate(t, conn, before); err != nil {
		t.Fatal(err)
	}
	must(t, conn, "create table public.mine (n int)")
	must(t, conn, "create trigger mine before insert on public.mine for each row execute function howdah.stays()")
	must(t, conn, "create view public.dashboard as select * from howdah.consumers")
	must(t, conn, "select howdah.create_topic('payments')")

	for name, change := range map[string]map[string]string{
		"another result":     {oldFile: "create or replace function howdah.old(a int) returns bigint language sql as 'select a::bigint';"},
		"another parameter":  {oldFile: "create or replace function howdah.old(a int, b int default 0) returns int language sql as 'select a + b';"},
		"a parameter's name": {oldFile: "create or replace function howdah.old(b int) returns int language sql as 'select b';"},
		"more columns":       {viewFile: "create or replace view howdah.sample as select 'x' as zero, 1 as one, 2 as two;"},
		"a plain create":     {viewFile: "create view howdah.sample as select 1::bigint as one;"},
	} {
		after := map[string]string{}
		for file, body := range before {
			after[file] = body
		}
		for file, body := range change {
			after[file] = body
		}
		for _, changes := range []map[string]string{after, before} {
			if _, err := migrate(t, conn, changes); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if n := one[int](t, conn, "select count(*) from pg_proc where pronamespace = 'howdah'::regnamespace and proname = 'old'"); n != 1 {
				t.Errorf("%s: %d functions old", name, n)
			}
			if n := one[int64](t, conn, "select one::bigint from howdah.sample_of"); n != 1 {
				t.Errorf("%s: sample_of says %d", name, n)
			}
		}
	}

	if _, err := migrate(t, conn, map[string]string{"functions/stays.sql": before["functions/stays.sql"]}); err != nil {
		t.Fatal(err)
	}
	if n := one[int](t, conn, "select count(*) from pg_proc where pronamespace = 'howdah'::regnamespace and proname in ('old', 'gone')"); n != 0 {
		t.Errorf("%d functions are left that no file has", n)
	}
	if n := one[int](t, conn, "select count(*) from pg_class where relnamespace = 'howdah'::regnamespace and relname in ('sample', 'sample_of')"); n != 0 {
		t.Errorf("%d views are left that no file has", n)
	}
	must(t, conn, "insert into public.mine values (1)")
	must(t, conn, "select * from public.dashboard")
	if n := one[int](t, conn, `select count(*) from pg_trigger where tgrelid = 'events.payments'::regclass and tgname like 'howdah_%'`); n != 3 {
		t.Errorf("the topic has %d of its 3 triggers", n)
	}
	if n := one[int](t, conn, "select count(*) from pg_proc where pronamespace = 'howdah'::regnamespace and proname in ('install_view', 'finish_install')"); n != 0 {
		t.Errorf("%d functions of the installation are left", n)
	}
}

func TestUpgradeIsWholeOrNot(t *testing.T) {
	conn := connect(t, newDatabase(t))
	version, hash, err := schema.Status(context.Background(), conn)
	if err != nil {
		t.Fatal(err)
	}
	must(t, conn, "create view public.dashboard as select topic, lag from howdah.consumers")

	for name, c := range map[string]struct {
		changes map[string]string
		says    []string
	}{
		"a mistake in a function": {map[string]string{"functions/zz.sql": "create or replace function howdah.zz() returns int language sql as 'select 1' oops;"},
			[]string{"functions/zz.sql", "oops"}},
		"a mistake in a migration": {map[string]string{fmt.Sprintf("migrations/%04d_wrong.sql", schema.Version()+1): "create table howdah.half (); select 1 / 0;"},
			[]string{"wrong.sql", "division by zero"}},
		"a view of the user's in the way": {map[string]string{"views/consumers.sql": "create or replace view howdah.consumers as select 1 as changed;"},
			[]string{"views/consumers.sql", "depends on a view"}},
	} {
		_, err := migrate(t, conn, c.changes)
		for _, s := range c.says {
			if err == nil || !strings.Contains(err.Error(), s) {
				t.Errorf("%s: the error does not say %q: %v", name, s, err)
			}
		}
		v, h, err := schema.Status(context.Background(), conn)
		if err != nil || v != version || h != hash {
			t.Errorf("%s: something has changed: version %d, %v", name, v, err)
		}
		if n := one[int](t, conn, "select count(*) from pg_class where relname = 'half'"); n != 0 {
			t.Errorf("%s: half of it is there", name)
		}
	}
}

func TestFilesAreChecked(t *testing.T) {
	for says, changes := range map[string]map[string]string{
		"number 2 is missing":   {"migrations/0002_docs.sql": ""},
		"NNNN_name.sql":         {"migrations/2_x.sql": "select 1"},
		"not one":               {"functions/two.sql": "create or replace function howdah.a() returns int language sql as '';\ncreate or replace function howdah.b() returns int language sql as '';"},
		"is in functions/claim": {"functions/more.sql": "create or replace function howdah.claim() returns int language sql as '';"},
		"must not contain":      {"functions/tag.sql": "create or replace function howdah.tag() returns int language sql as $howdah$select 1$howdah$;"},
	} {
		if _, _, err := schema.Variant(changes); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("no error that says %q: %v", says, err)
		}
	}
}

func TestPrintEqualsMigrate(t *testing.T) {
	psql, err := exec.LookPath("psql")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("psql is not installed")
		}
		t.Skip("psql is not installed")
	}
	var text bytes.Buffer
	if err := schema.Print(&text); err != nil {
		t.Fatal(err)
	}
	url := emptyDatabase(t)
	run := func() error {
		cmd := exec.Command(psql, "-X", "-q", "-d", url)
		cmd.Env = append(cmd.Environ(), "PGOPTIONS=-c search_path=")
		cmd.Stdin = bytes.NewReader(text.Bytes())
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	if err := run(); err != nil {
		t.Fatal(err)
	}
	printed, migrated := connect(t, url), connect(t, newDatabase(t))
	must(t, printed, "select howdah.create_topic('payments')")
	must(t, migrated, "select howdah.create_topic('payments')")
	if err := run(); err != nil {
		t.Fatal("again:", err)
	}
	report, err := schema.Migrate(context.Background(), printed)
	if err != nil || report.Installed {
		t.Errorf("Migrate after it: %+v, %v", report, err)
	}
	const catalog = `select string_agg(line, e'\n' order by line) from (
		select pg_get_functiondef(oid) || coalesce(proacl::text, '') as line from pg_proc where pronamespace = 'howdah'::regnamespace
		union all select relname || ' ' || relkind::text || coalesce(relacl::text, '') from pg_class where relnamespace in ('howdah'::regnamespace, 'events'::regnamespace)
		union all select attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) from pg_attribute where attrelid in
			(select oid from pg_class where relnamespace = 'howdah'::regnamespace) and attnum > 0) x`
	if one[string](t, printed, catalog) != one[string](t, migrated, catalog) {
		t.Error("the script and Migrate leave different catalogues")
	}

	must(t, printed, "insert into howdah.migration (number, name) values ($1, 'of the future')", schema.Version()+1)
	if err := run(); err == nil || !strings.Contains(err.Error(), "this program knows") {
		t.Errorf("on a newer database: %v", err)
	}
}
