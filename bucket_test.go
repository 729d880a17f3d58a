package howdah_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/testdb"
)

// store opens a database of its own with one bucket.
func store(t *testing.T, options ...howdah.BucketOption) (*howdah.DB, *howdah.Bucket) {
	t.Helper()
	db, err := howdah.Open(t.Context(), testdb.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	b, err := db.CreateBucket(t.Context(), "models", options...)
	if err != nil {
		t.Fatal(err)
	}
	return db, b
}

// noise makes bytes that no compression helps with, the same for a seed.
func noise(seed, n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return b
}

func put(t *testing.T, b *howdah.Bucket, key string, body []byte, options ...howdah.ObjectOption) howdah.ObjectInfo {
	t.Helper()
	info, err := b.Put(t.Context(), key, bytes.NewReader(body), options...)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func get(t *testing.T, b *howdah.Bucket, key string, options ...howdah.ObjectOption) []byte {
	t.Helper()
	o, err := b.Open(t.Context(), key, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Close() }()
	body, err := io.ReadAll(o)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func scalar[T any](t *testing.T, db *howdah.DB, sql string, args ...any) (v T) {
	t.Helper()
	if err := db.Pool().QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

const chunk = 256 << 10

// TestObjectsRoundTrip: every size around the borders of chunks and batches comes out as it went in, at once, in small
// reads, through SQL, and from the middle.
func TestObjectsRoundTrip(t *testing.T) {
	db, b := store(t)
	for i, n := range []int{0, 1, 100, chunk - 1, chunk, chunk + 1, 3 * chunk, 8*chunk - 1, 8 * chunk, 8*chunk + 1, 16 * chunk, 25*chunk + 7} {
		body := noise(i, n)
		key := fmt.Sprintf("size/%d", n)
		var reader io.Reader = bytes.NewReader(body)
		if i%2 == 1 {
			reader = iotest.HalfReader(reader) // and of a size that is not known before
		}
		info, err := b.Put(t.Context(), key, reader, howdah.ContentType("x/y"), howdah.Metadata(map[string]string{"Color": "blau"}))
		if err != nil {
			t.Fatal(n, err)
		}
		if m, s := md5.Sum(body), sha256.Sum256(body); info.ETag != hex.EncodeToString(m[:]) || info.SHA256 != hex.EncodeToString(s[:]) || info.Size != int64(n) {
			t.Errorf("%d bytes: %+v", n, info)
		}
		if got := get(t, b, key); !bytes.Equal(got, body) {
			t.Errorf("%d bytes: got %d others", n, len(got))
		}
		if got := scalar[[]byte](t, db, "select howdah.get_object('models', $1)", key); !bytes.Equal(got, body) {
			t.Errorf("%d bytes through SQL: got %d others", n, len(got))
		}
		o, err := b.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if o.Info().Metadata["color"] != "blau" || o.Info().ContentType != "x/y" {
			t.Errorf("%+v", o.Info())
		}
		for range 20 {
			from := rand.IntN(n + 1)
			p := make([]byte, rand.IntN(min(n-from, 3*chunk)+1))
			if _, err := o.Seek(int64(from), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(o, p); err != nil || !bytes.Equal(p, body[from:from+len(p)]) {
				t.Fatalf("%d bytes from %d of %d: %v", len(p), from, n, err)
			}
		}
		_ = o.Close()
		if _, err := db.Pool().Exec(t.Context(), "select howdah.put_object('models', $1, $2)", key, body); err != nil {
			t.Fatal(err)
		}
		if got := get(t, b, key); !bytes.Equal(got, body) {
			t.Errorf("%d bytes put through SQL: got %d others", n, len(got))
		}
	}
	if problems, err := db.CheckObjects(t.Context(), nil); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// TestObjectTx: an object, a row and an event appear together or not at all.
func TestObjectTx(t *testing.T) {
	db, b := store(t)
	topic, err := db.CreateTopic(t.Context(), "things")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{10, 20 * chunk} {
		tx, err := db.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprint(n)
		if _, err := b.PutTx(t.Context(), tx, key, bytes.NewReader(noise(n, n))); err != nil {
			t.Fatal(err)
		}
		if _, err := topic.PublishTx(t.Context(), tx, howdah.Event{Payload: []byte(`1`)}); err != nil {
			t.Fatal(err)
		}
		o, err := b.OpenTx(t.Context(), tx, key)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(o); err != nil || !bytes.Equal(body, noise(n, n)) {
			t.Errorf("inside: %d bytes, %v", len(body), err)
		}
		if _, err := b.Head(t.Context(), key); !errors.Is(err, howdah.ErrNoObject) || !errors.Is(err, howdah.ErrNotFound) {
			t.Errorf("visible before the commit: %v", err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Head(t.Context(), key); !errors.Is(err, howdah.ErrNoObject) {
			t.Errorf("visible after a rollback: %v", err)
		}
	}
	if n := scalar[int](t, db, "select count(*) from howdah.chunk"); n != 0 {
		t.Errorf("%d chunks are left of what was rolled back", n)
	}
}

// TestOldOrNew: while writers replace objects, readers get one or another of what was written and never parts of two.
func TestOldOrNew(t *testing.T) {
	db, b := store(t)
	if _, err := db.Pool().Exec(t.Context(), "update howdah.setting set value = '2 s' where name = 'object_grace'"); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"small": 3 * chunk, "big": 20 * chunk}
	for key, n := range sizes {
		put(t, b, key, bytes.Repeat([]byte{0}, n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	for key, n := range sizes {
		for w := range 2 {
			writers.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					if _, err := b.Put(ctx, key, bytes.NewReader(bytes.Repeat([]byte{byte(2*i + w)}, n-i%2))); err != nil && ctx.Err() == nil {
						t.Error("put:", err)
					}
				}
			})
		}
		for range 2 {
			readers.Go(func() {
				for range 25 {
					o, err := b.Open(t.Context(), key)
					if err != nil {
						t.Error("open:", err)
						return
					}
					body, err := io.ReadAll(o)
					if err != nil || int64(len(body)) != o.Info().Size || len(bytes.Trim(body, string(body[:1]))) != 0 {
						t.Errorf("%s: %d bytes of %d, %v", key, len(body), o.Info().Size, err)
					}
					_ = o.Close()
				}
			})
		}
	}
	readers.Go(func() {
		for range 20 {
			if err := db.Upkeep(t.Context()); err != nil {
				t.Error("upkeep:", err)
			}
		}
	})
	readers.Wait()
	cancel()
	writers.Wait()
}

// TestDeletingFreesSpace: what nobody reads any more goes with the next upkeep; who has begun to read finishes first.
func TestDeletingFreesSpace(t *testing.T) {
	db, b := store(t)
	body := noise(1, 30*chunk)
	put(t, b, "big", body)
	put(t, b, "small", body[:1000])
	put(t, b, "other", body[:1000])
	o, err := b.Open(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"big", "small"} {
		if ok, err := b.Delete(t.Context(), key); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if ok, err := b.Delete(t.Context(), key); ok || err != nil {
			t.Fatal("deleted twice", ok, err)
		}
	}
	upkeep := func() {
		t.Helper()
		if err := db.Upkeep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	upkeep()
	if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, body) {
		t.Fatalf("a reader that had begun: %d bytes, %v", len(got), err)
	}
	if _, err := db.Pool().Exec(t.Context(), "update howdah.piece set expires_at = now() where refs = 0"); err != nil {
		t.Fatal(err)
	}
	upkeep()
	if n := scalar[int](t, db, "select count(*) from howdah.chunk"); n != 1 {
		t.Errorf("%d chunks are left, not the one of the other object", n)
	}
	if _, err := o.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(o); !errors.Is(err, howdah.ErrGone) {
		t.Errorf("reading what is gone: %v", err)
	}
}

// TestBadBodies: a body that fails, is short or long stores nothing and leaves nothing that upkeep does not collect.
func TestBadBodies(t *testing.T) {
	db, b := store(t)
	put(t, b, "k", []byte("old"))
	broken := errors.New("broken")
	for name, x := range map[string]struct {
		body    io.Reader
		options []howdah.ObjectOption
		want    error
	}{
		"breaks early": {iotest.ErrReader(broken), nil, broken},
		"breaks late":  {io.MultiReader(bytes.NewReader(noise(1, 20*chunk)), iotest.ErrReader(broken)), nil, broken},
		"short":        {strings.NewReader("short"), []howdah.ObjectOption{howdah.Size(6)}, howdah.ErrBodyLength},
		"long":         {strings.NewReader("longer"), []howdah.ObjectOption{howdah.Size(5)}, howdah.ErrBodyLength},
		"short, big":   {bytes.NewReader(noise(1, 20*chunk)), []howdah.ObjectOption{howdah.Size(20*chunk + 1)}, howdah.ErrBodyLength},
		"refused at the end": {bytes.NewReader(noise(1, 20*chunk)), []howdah.ObjectOption{
			howdah.AtEnd(func() ([]howdah.ObjectOption, error) { return nil, broken })}, broken},
	} {
		if _, err := b.Put(t.Context(), "k", x.body, x.options...); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := get(t, b, "k"); string(got) != "old" {
		t.Errorf("the object is %q", got)
	}
	if err := db.Upkeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := scalar[int](t, db, "select count(*) from howdah.piece"); n != 1 {
		t.Errorf("%d pieces, not 1", n)
	}
}

func TestConditions(t *testing.T) {
	_, b := store(t)
	if _, err := b.Put(t.Context(), "k", strings.NewReader("1"), howdah.IfMatch("*")); !errors.Is(err, howdah.ErrNoObject) {
		t.Error("IfMatch without an object:", err)
	}
	first := put(t, b, "k", []byte("1"), howdah.IfAbsent())
	if _, err := b.Put(t.Context(), "k", strings.NewReader("2"), howdah.IfAbsent()); !errors.Is(err, howdah.ErrCondition) {
		t.Error("IfAbsent:", err)
	}
	second := put(t, b, "k", []byte("2"), howdah.IfMatch(first.ETag))
	for name, err := range map[string]error{
		"put": func() error {
			_, err := b.Put(t.Context(), "k", strings.NewReader("3"), howdah.IfMatch(first.ETag))
			return err
		}(),
		"delete": func() error { _, err := b.Delete(t.Context(), "k", howdah.IfMatch(first.ETag)); return err }(),
		"copy":   func() error { _, err := b.Copy(t.Context(), "k", "k", howdah.IfMatch(first.ETag)); return err }(),
	} {
		if !errors.Is(err, howdah.ErrCondition) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := get(t, b, "k"); string(got) != "2" {
		t.Errorf("the object is %q", got)
	}
	// Of many that may only create, one does.
	var won, wg = make(chan int, 16), sync.WaitGroup{}
	for i := range 16 {
		wg.Go(func() {
			if _, err := b.Put(t.Context(), "once", strings.NewReader(fmt.Sprint(i)), howdah.IfAbsent()); err == nil {
				won <- i
			} else if !errors.Is(err, howdah.ErrCondition) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 || string(get(t, b, "once")) != fmt.Sprint(<-won) {
		t.Error("not exactly one has created the object")
	}
	if ok, err := b.Delete(t.Context(), "k", howdah.IfMatch(second.ETag)); !ok || err != nil {
		t.Error(ok, err)
	}
}

func TestVersions(t *testing.T) {
	db, b := store(t)
	put(t, b, "k", []byte("null"))
	if err := b.Alter(t.Context(), howdah.Versioning(true)); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range 3 {
		ids = append(ids, put(t, b, "k", fmt.Append(nil, i)).VersionID)
	}
	if ok, err := b.Delete(t.Context(), "k"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := b.Open(t.Context(), "k"); !errors.Is(err, howdah.ErrNoObject) {
		t.Error("open a deleted object:", err)
	}
	for i, id := range ids {
		if got := get(t, b, "k", howdah.Version(id)); string(got) != fmt.Sprint(i) {
			t.Errorf("version %d is %q", i, got)
		}
	}
	if got := get(t, b, "k", howdah.Version("null")); string(got) != "null" {
		t.Errorf("version null is %q", got)
	}
	page, err := b.VersionsPage(t.Context(), "", "", "", "", 1000)
	if err != nil || len(page) != 5 || !page[0].Object.Marker || !page[0].Object.Latest || page[4].Object.VersionID != "null" {
		t.Fatalf("%+v, %v", page, err)
	}
	var paged []string
	for key, version := "", ""; ; {
		p, err := b.VersionsPage(t.Context(), "", key, version, "", 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p {
			paged = append(paged, e.Object.VersionID)
			key, version = e.Key, e.Object.VersionID
		}
		if len(p) < 2 {
			break
		}
	}
	if len(paged) != 5 || paged[4] != "null" {
		t.Errorf("in pages: %v", paged)
	}
	if _, err := b.Open(t.Context(), "k", howdah.Version(page[0].Object.VersionID)); !errors.Is(err, howdah.ErrDeletion) {
		t.Error("open a deletion:", err)
	}
	if _, err := b.Open(t.Context(), "k", howdah.Version("00000000000fffff")); !errors.Is(err, howdah.ErrNoVersion) {
		t.Error("open an unknown version:", err)
	}
	for _, id := range []string{page[0].Object.VersionID, ids[2], "null"} {
		if ok, err := b.Delete(t.Context(), "k", howdah.Version(id)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	if got := get(t, b, "k"); string(got) != "1" {
		t.Errorf("after the deletion went the object is %q", got)
	}
	if err := b.Alter(t.Context(), howdah.Versioning(false)); err != nil {
		t.Fatal(err)
	}
	put(t, b, "k", []byte("a"))
	put(t, b, "k", []byte("b"))
	if n := scalar[int](t, db, "select count(*) from howdah.object"); n != 3 {
		t.Errorf("%d versions, not 3: suspended versioning keeps one that is called null", n)
	}
}

func TestCopyTagsAndMetadata(t *testing.T) {
	db, b := store(t)
	body := noise(3, 12*chunk)
	put(t, b, "from", body, howdah.Metadata(map[string]string{"a": "1"}), howdah.Tags(map[string]string{"t": "1"}), howdah.ContentType("x/y"))
	other, err := db.CreateBucket(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	chunks := scalar[int](t, db, "select count(*) from howdah.chunk")
	info, err := other.Copy(t.Context(), "from", "to", howdah.FromBucket("models"))
	if err != nil || info.Metadata["a"] != "1" || info.Tags["t"] != "1" || info.ContentType != "x/y" {
		t.Fatal(info, err)
	}
	if info, err = b.Copy(t.Context(), "from", "from", howdah.Metadata(map[string]string{"b": "2"})); err != nil || len(info.Metadata) != 1 || info.Metadata["b"] != "2" {
		t.Fatal(info, err)
	}
	if n := scalar[int](t, db, "select count(*) from howdah.chunk"); n != chunks {
		t.Errorf("copies took %d chunks", n-chunks)
	}
	if _, err := b.Delete(t.Context(), "from"); err != nil {
		t.Fatal(err)
	}
	if got := get(t, other, "to"); !bytes.Equal(got, body) {
		t.Errorf("the copy is %d other bytes", len(got))
	}
	if info, err = other.Tag(t.Context(), "to", map[string]string{"x": "y"}); err != nil || len(info.Tags) != 1 || info.Tags["x"] != "y" {
		t.Fatal(info, err)
	}
}

func TestListing(t *testing.T) {
	_, b := store(t)
	keys := []string{"a", "a/", "a/1", "a/2/x", "a/2/y", "a0", "b/1", "b/2", "ä", "漢/🐘", "~", "..", "../x", " leading", "100%", strings.Repeat("k", 1024)}
	for _, k := range keys {
		put(t, b, k, []byte(k))
	}
	slices.Sort(keys)
	var got []string
	for o, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o.Key)
	}
	if !slices.Equal(got, keys) {
		t.Errorf("listed %q, want %q", got, keys)
	}
	for _, prefix := range []string{"", "a", "a/", "a/2", "b/", "漢", "nothing"} {
		for _, delimiter := range []string{"/", "2", "/2"} {
			var want []string
			for _, k := range keys {
				if rest, ok := strings.CutPrefix(k, prefix); ok {
					if before, _, cut := strings.Cut(rest, delimiter); cut {
						k = prefix + before + delimiter
					}
					if !slices.Contains(want, k) {
						want = append(want, k)
					}
				}
			}
			for _, limit := range []int{1, 2, 1000} {
				var got []string
				for after := ""; ; {
					page, err := b.ListPage(t.Context(), prefix, after, delimiter, limit)
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range page {
						got = append(got, e.Key)
						after = e.Key
					}
					if len(page) < limit {
						break
					}
				}
				if !slices.Equal(got, want) {
					t.Errorf("prefix %q delimiter %q by %d: %q, want %q", prefix, delimiter, limit, got, want)
				}
			}
		}
	}
}

func TestUploads(t *testing.T) {
	db, b := store(t)
	u, err := b.CreateUpload(t.Context(), "k", howdah.ContentType("x/y"))
	if err != nil {
		t.Fatal(err)
	}
	parts := [][]byte{noise(1, 5<<20), noise(2, 6<<20), noise(3, 7)}
	sent := make([]howdah.Part, len(parts))
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() {
			if _, err := u.Put(t.Context(), i+1, strings.NewReader("replaced")); err != nil {
				t.Error(err)
			}
			part, err := u.Put(t.Context(), i+1, bytes.NewReader(p))
			if err != nil {
				t.Error(err)
			}
			sent[i] = part
		})
	}
	wg.Wait()
	if _, err := u.Put(t.Context(), 9, strings.NewReader("not named later")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Head(t.Context(), "k"); !errors.Is(err, howdah.ErrNoObject) {
		t.Error("visible before it is complete:", err)
	}
	wrong := slices.Clone(sent)
	wrong[1].ETag = wrong[0].ETag
	for want, list := range map[error][]howdah.Part{howdah.ErrBadPart: wrong, howdah.ErrPartOrder: {sent[1], sent[0]}, howdah.ErrSmallPart: {sent[0], sent[2], {Number: 9, ETag: hexMD5("not named later")}},
		howdah.ErrInvalid: nil} {
		if _, err := u.Complete(t.Context(), list); !errors.Is(err, want) {
			t.Errorf("complete: %v, want %v", err, want)
		}
	}
	info, err := u.Complete(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != 11<<20+7 || info.Parts != 3 || !strings.HasSuffix(info.ETag, "-3") || info.ContentType != "x/y" {
		t.Errorf("%+v", info)
	}
	if got := get(t, b, "k"); !bytes.Equal(got, bytes.Join(parts, nil)) {
		t.Errorf("%d other bytes", len(got))
	}
	if err := u.Abort(t.Context()); !errors.Is(err, howdah.ErrNoUpload) {
		t.Error("abort what is complete:", err)
	}
	u, err = b.CreateUpload(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Put(t.Context(), 1, bytes.NewReader(parts[0])); err != nil {
		t.Fatal(err)
	}
	if all, err := b.Uploads(t.Context(), "", "", "", 10); err != nil || len(all) != 1 || all[0].ID != u.ID() {
		t.Error(all, err)
	}
	if err := u.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Put(t.Context(), 2, strings.NewReader("late")); !errors.Is(err, howdah.ErrNoUpload) {
		t.Error("a part after the abort:", err)
	}
	if _, err := db.Pool().Exec(t.Context(), "update howdah.piece set expires_at = now() where refs = 0"); err != nil {
		t.Fatal(err)
	}
	if err := db.Upkeep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := scalar[int](t, db, "select count(*) from howdah.piece"); n != 3 {
		t.Errorf("%d pieces are left, not the 3 of the object", n)
	}
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestQuota(t *testing.T) {
	_, b := store(t, howdah.Quota(10_000_000))
	put(t, b, "a", noise(1, 6_000_000))
	if _, err := b.Put(t.Context(), "b", bytes.NewReader(noise(2, 4_000_001))); !errors.Is(err, howdah.ErrQuota) {
		t.Error("above the quota:", err)
	}
	if _, err := b.Head(t.Context(), "b"); !errors.Is(err, howdah.ErrNoObject) {
		t.Error("stored above the quota:", err)
	}
	put(t, b, "a", noise(3, 10_000_000)) // in place of the first
	if ok, err := b.Delete(t.Context(), "a"); !ok || err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := b.Put(t.Context(), fmt.Sprint(i), bytes.NewReader(noise(i, 1_000_000))); err != nil && !errors.Is(err, howdah.ErrQuota) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	for _, err := range b.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 10 {
		t.Errorf("%d objects fit, not 10", n)
	}
}

// TestCheckFindsRot: bytes that changed behind Howdah's back are found.
func TestCheckFindsRot(t *testing.T) {
	db, b := store(t)
	put(t, b, "good", noise(1, 9*chunk))
	put(t, b, "bad", noise(2, 9*chunk))
	spoil := "update howdah.chunk set data = set_byte(data, 77, get_byte(data, 77) # 1) where piece = 2 and seq = 4"
	for range 2 {
		if _, err := db.Pool().Exec(t.Context(), spoil); err != nil {
			t.Fatal(err)
		}
		problems, err := db.CheckObjects(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(problems) == 1 && strings.Contains(problems[0].Problem, "models/bad") {
			continue // spoiled twice is as it was
		}
		if len(problems) != 0 {
			t.Errorf("%+v", problems)
		}
	}
	for _, sql := range []string{"delete from howdah.chunk where piece = 1 and seq = 3", "update howdah.piece set refs = 2 where piece = 1"} {
		tx, err := db.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if err := tx.QueryRow(t.Context(), "select count(*) from howdah.check()").Scan(&n); err != nil || n == 0 {
			t.Errorf("%s: check found %d problems, %v", sql, n, err)
		}
		_ = tx.Rollback(t.Context())
	}
}

// TestClosingKeepsTheConnection closes a big object while its next batch is under way, held up by a lock.
func TestClosingKeepsTheConnection(t *testing.T) {
	url := testdb.New(t)
	db, err := howdah.Open(t.Context(), url, howdah.WithMaxConns(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	b, err := db.CreateBucket(t.Context(), "models")
	if err != nil {
		t.Fatal(err)
	}
	body := noise(1, 5<<20)
	put(t, b, "big", body)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	ask := func(sql string) (answer string) {
		if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	const backends = `select array_agg(pid order by pid)::text from pg_stat_activity
		where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`
	before := ask(backends)
	o, err := b.Open(t.Context(), "big")
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 256<<10)
	if _, err := io.ReadFull(o, got[:10]); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "begin; lock table howdah.chunk in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(o, got[10:]); err != nil || !bytes.Equal(got, body[:len(got)]) {
		t.Fatalf("other bytes, or %v", err)
	}
	for ask("select count(*)::text from pg_locks where relation = 'howdah.chunk'::regclass and not granted") != "1" {
		if t.Context().Err() != nil {
			t.Fatal("no read waits for the lock")
		}
	}
	closed := make(chan error)
	go func() { closed <- o.Close() }()
	if _, err := conn.Exec(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if _, err := b.Head(t.Context(), "big"); err != nil { // on the connection that is there now
		t.Fatal(err)
	}
	if after := ask(backends); after != before {
		t.Errorf("backends %s before, %s after", before, after)
	}
}
