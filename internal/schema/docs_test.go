package schema_test

import "testing"

func TestDocumentsFirst(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_collection('customers')")
	must(t, conn, "select howdah.create_collection('customers')")
	for i, want := range []int64{1, 2, 3} {
		if v := one[int64](t, conn, "select howdah.put('customers', 'c1', jsonb_build_object('n', $1::int))", i); v != want {
			t.Errorf("version %d, not %d", v, want)
		}
	}
	checkAll(t, conn)
	if !one[bool](t, conn, "select howdah.delete('customers', 'c1')") {
		t.Error("not deleted")
	}
	if v := one[int64](t, conn, "select howdah.put('customers', 'c1', '{}')"); v != 5 {
		t.Errorf("version %d after a deletion", v)
	}
	must(t, conn, "select howdah.put('customers', 'c1', '{\"late\": true}', now() - interval '1 day')")
	must(t, conn, "update docs.customers set doc = '{\"plain\": 1}'")
	must(t, conn, "delete from docs.customers")
	must(t, conn, "insert into docs.customers (key, doc) values ('c1', '{}'), ('c2', '{}')")
	must(t, conn, "select howdah.delete('customers', 'c2')")
	if v := one[int64](t, conn, "select howdah.put('customers', 'c2', '{\"late\": true}', now() - interval '1 day')"); v != 3 {
		t.Errorf("version %d of a late one", v)
	}
	checkAll(t, conn)
	if n := one[int](t, conn, "select count(*) from docs.customers where key = 'c2'"); n != 0 {
		t.Error("a late version of a deleted document is there")
	}
	must(t, conn, "select howdah.put_many('customers', array['a','b','a'], array['{}','{}','{\"a\":2}']::jsonb[])")
	if v := one[int64](t, conn, "select version from docs.customers where key = 'a'"); v != 2 {
		t.Errorf("version %d", v)
	}
	must(t, conn, "select * from howdah.collections")
	must(t, conn, "select howdah.known_until('customers')")
	must(t, conn, "select * from howdah.join_as_of('customers', array['a'], array[now()])")
}
