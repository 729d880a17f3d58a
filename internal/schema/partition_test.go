package schema_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestMurmur2 compares with the hashes that Kafka's own tests list, by way of the remainder for several numbers of
// partitions, which fix all 31 bits that a partition depends on.
func TestMurmur2(t *testing.T) {
	conn := connect(t, newDatabase(t))
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	} {
		if got := murmur2([]byte(key)); got != hash {
			t.Errorf("the model's hash of %q is %d, not %d", key, got, hash)
		}
		for _, n := range []int32{1, 2, 3, 7, 12, 64, 1000, 1021, 1023, 1024} {
			if got, want := one[int32](t, conn, "select howdah.partition_of($1, 1, $2)", key, n), (hash&0x7fffffff)%n; got != want {
				t.Errorf("partition of %q in %d is %d, not %d", key, n, got, want)
			}
		}
	}
}

func TestPartitionOfRandomKeys(t *testing.T) {
	conn := connect(t, newDatabase(t))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	alphabet := []rune("ab01 \t\n\\\"'äßЖ漢🐘\u0001\u007f")
	var keys []string
	for range 2000 {
		key := ""
		for range r.IntN(20) {
			key += string(alphabet[r.IntN(len(alphabet))])
		}
		keys = append(keys, key)
	}
	for _, n := range []int32{2, 1021, 1024} {
		got := one[[]int32](t, conn, "select array_agg(howdah.partition_of(k, 1, $2) order by nr) from unnest($1::text[]) with ordinality x (k, nr)", keys, n)
		for i, key := range keys {
			if want := (murmur2([]byte(key)) & 0x7fffffff) % n; got[i] != want {
				t.Fatalf("partition of %q in %d is %d, not %d", key, n, got[i], want)
			}
		}
	}
}

// TestPartitionColumn: the stored partition is that of the key, and of the id without one.
func TestPartitionColumn(t *testing.T) {
	conn := connect(t, newDatabase(t))
	must(t, conn, "select howdah.create_topic('things', 7)")
	must(t, conn, "insert into events.things (key, payload) select case when i % 2 = 0 then 'k' || i end, '{}' from generate_series(1, 100) i")
	rows, err := conn.Query(t.Context(), "select id, key, partition from events.things")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var id int64
		var key *string
		var partition int32
		if err := rows.Scan(&id, &key, &partition); err != nil {
			t.Fatal(err)
		}
		want := int32(id % 7)
		if key != nil {
			want = (murmur2([]byte(*key)) & 0x7fffffff) % 7
		}
		if partition != want {
			t.Errorf("event %d is in partition %d, not %d", id, partition, want)
		}
		n++
	}
	if n != 100 || rows.Err() != nil {
		t.Errorf("%d events, %v", n, rows.Err())
	}
}

// murmur2 is the 32-bit MurmurHash2 with Kafka's seed, written from its description.
func murmur2(key []byte) int32 {
	const m, seed = 0x5bd1e995, 0x9747b28c
	h := uint32(seed) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := binary.LittleEndian.Uint32(key) * m
		h = h*m ^ (k^k>>24)*m
	}
	var tail uint32
	for i, b := range key {
		tail |= uint32(b) << (8 * i)
	}
	if len(key) > 0 {
		h = (h ^ tail) * m
	}
	h = (h ^ h>>13) * m
	return int32(h ^ h>>15)
}
