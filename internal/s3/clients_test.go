package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/s3"
	"github.com/howdah/howdah/internal/testdb"
)

type site struct {
	db     *howdah.DB
	server *s3.Server
	secret howdah.Secret
}

// serve starts a server on a database of its own, with a key that may do everything.
func serve(t *testing.T) *site {
	t.Helper()
	return serveFor(t, 0)
}

// serveFor starts a server that cuts connections on which nothing moves for so long.
func serveFor(t *testing.T, idle time.Duration) *site {
	t.Helper()
	db, err := howdah.Open(t.Context(), testdb.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	server, err := s3.Start(s3.Config{DB: db, Addr: "127.0.0.1:0", Idle: idle})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	secret, err := db.CreateAccessKey(t.Context(), "all", nil)
	if err != nil {
		t.Fatal(err)
	}
	return &site{db, server, secret}
}

func (s *site) bucket(t *testing.T, name string, options ...howdah.BucketOption) *howdah.Bucket {
	t.Helper()
	b, err := s.db.CreateBucket(t.Context(), name, options...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checked compares the bytes of all objects with their checksums, and wants that upkeep leaves nothing but them.
func (s *site) checked(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	if problems, err := s.db.CheckObjects(ctx, nil); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	if _, err := s.db.Pool().Exec(ctx, "update howdah.piece set expires_at = now() where refs = 0"); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Upkeep(ctx); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := s.db.Pool().QueryRow(ctx, "select count(*) from howdah.piece where refs = 0").Scan(&n); err != nil || n > 0 {
		t.Errorf("%d pieces without a name are left, %v", n, err)
	}
}

func (s *site) env() []string {
	ours := slices.DeleteFunc(os.Environ(), func(v string) bool { // what a machine says of the real AWS is not meant here
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "RCLONE_") || strings.HasPrefix(strings.ToLower(v), "http_proxy=")
	})
	return append(ours, "S3_URL="+s.server.URL(), "S3_ACCESS="+s.secret.AccessKey, "S3_SECRET="+s.secret.SecretKey,
		"AWS_ACCESS_KEY_ID="+s.secret.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.secret.SecretKey, "AWS_DEFAULT_REGION="+s3.Region,
		"AWS_ENDPOINT_URL="+s.server.URL(), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
}

// need skips a test whose program is missing, and fails it in CI.
func need(t *testing.T, why error) {
	t.Helper()
	if why == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("a client is missing: ", why)
	}
	t.Skip("a client is missing: ", why)
}

// run runs a client and gives what it said.
func (s *site) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = s.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestBoto3(t *testing.T) {
	need(t, exec.Command("python3", "-c", "import boto3").Run())
	s := serve(t)
	s.bucket(t, "quota-bucket", howdah.Quota(1_000_000))
	cmd := exec.CommandContext(t.Context(), "python3", "-W", "ignore", "testdata/boto.py")
	cmd.Env = append(s.env(), "S3_QUOTA_BUCKET=quota-bucket")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	s.checked(t)
}

func noise(t *testing.T, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	_, _ = r.Read(b)
	return b
}

func TestAWSCommandLine(t *testing.T) {
	_, err := exec.LookPath("aws")
	need(t, err)
	s := serve(t)
	dir := t.TempDir()
	files := map[string][]byte{"small.txt": []byte("small"), "folder/with space.bin": noise(t, 300_000), "folder/ünï.bin": noise(t, 12_000_000), "empty": {}}
	for name, body := range files {
		path := filepath.Join(dir, "in", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.run(t, "aws", "s3", "mb", "s3://cli")
	s.run(t, "aws", "s3", "cp", "--recursive", "--quiet", filepath.Join(dir, "in"), "s3://cli/in")
	if out := s.run(t, "aws", "s3", "ls", "--recursive", "s3://cli"); strings.Count(out, "\n") != len(files) {
		t.Errorf("aws s3 ls: %s", out)
	}
	s.run(t, "aws", "s3", "sync", "--quiet", "s3://cli/in", filepath.Join(dir, "out"))
	for name, body := range files {
		if got, err := os.ReadFile(filepath.Join(dir, "out", name)); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	s.run(t, "aws", "s3", "mv", "--quiet", "s3://cli/in/small.txt", "s3://cli/moved.txt")
	if out := s.run(t, "aws", "s3", "cp", "--quiet", "s3://cli/moved.txt", "-"); out != "small" {
		t.Errorf("moved: %q", out)
	}
	s.run(t, "aws", "s3api", "put-object", "--bucket", "cli", "--key", "checked", "--body", filepath.Join(dir, "in", "small.txt"), "--checksum-algorithm", "CRC32")
	s.run(t, "aws", "s3", "rb", "--force", "s3://cli")
	s.checked(t)
}

func TestRclone(t *testing.T) {
	_, err := exec.LookPath("rclone")
	need(t, err)
	s := serve(t)
	dir := t.TempDir()
	for i, n := range []int{0, 10, 300_000, 7_000_000} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file %d", i)), noise(t, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	remote := fmt.Sprintf(":s3,provider=Other,access_key_id=%s,secret_access_key=%s,endpoint='%s',region=%s,upload_cutoff=5Mi,chunk_size=5Mi:rclone/folder",
		s.secret.AccessKey, s.secret.SecretKey, s.server.URL(), s3.Region)
	s.run(t, "rclone", "--config", "/dev/null", "copy", dir, remote)
	s.run(t, "rclone", "--config", "/dev/null", "check", "--download", dir, remote)
	s.run(t, "rclone", "--config", "/dev/null", "check", dir, remote) // by MD5
	if err := os.Remove(filepath.Join(dir, "file 1")); err != nil {
		t.Fatal(err)
	}
	s.run(t, "rclone", "--config", "/dev/null", "sync", dir, remote)
	if out := s.run(t, "rclone", "--config", "/dev/null", "lsf", remote); strings.Count(out, "\n") != 3 {
		t.Errorf("lsf: %s", out)
	}
	s.run(t, "rclone", "--config", "/dev/null", "purge", remote)
	s.checked(t)
}

func (s *site) minio(t *testing.T, access, secret string) *minio.Client {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.server.URL(), "http://"), &minio.Options{Creds: credentials.NewStaticV4(access, secret, ""), Region: s3.Region})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMinioGo(t *testing.T) {
	s := serve(t)
	ctx := t.Context()
	c := s.minio(t, s.secret.AccessKey, s.secret.SecretKey)
	if err := c.MakeBucket(ctx, "minio", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 5, 300_000, 17 << 20} {
		for name, md5 := range map[string]bool{"none": false, "md5": true} {
			body := noise(t, n)
			key := fmt.Sprintf("%s/%d", name, n)
			if _, err := c.PutObject(ctx, "minio", key, bytes.NewReader(body), int64(n), minio.PutObjectOptions{SendContentMd5: md5, PartSize: 5 << 20}); err != nil {
				t.Fatal(key, err)
			}
			o, err := c.GetObject(ctx, "minio", key, minio.GetObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s: %d bytes, %v", key, len(got), err)
			}
		}
	}
	// A stream of unknown length goes up in parts.
	body := noise(t, 11<<20)
	if _, err := c.PutObject(ctx, "minio", "stream", io.MultiReader(bytes.NewReader(body)), -1, minio.PutObjectOptions{PartSize: 5 << 20}); err != nil {
		t.Fatal(err)
	}
	info, err := c.ComposeObject(ctx, minio.CopyDestOptions{Bucket: "minio", Object: "composed"}, minio.CopySrcOptions{Bucket: "minio", Object: "stream"},
		minio.CopySrcOptions{Bucket: "minio", Object: "none/300000"})
	if err != nil || info.Size != 11<<20+300_000 {
		t.Errorf("compose: %+v, %v", info, err)
	}
	u, err := c.PresignedGetObject(ctx, "minio", "none/5", time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !bytes.Equal(got, noise(t, 5)) {
		t.Errorf("presigned: %d %q %v", resp.StatusCode, got, err)
	}
	s.checked(t)
}

// TestTenThousand lists 10,000 objects, all of them, each once.
func TestTenThousand(t *testing.T) {
	s := serve(t)
	s.bucket(t, "many")
	if _, err := s.db.Pool().Exec(t.Context(), "select count(howdah.put_object('many', format('folder%s/object %s', i % 10, i), convert_to(i::text, 'utf8'))) from generate_series(1, 10000) i"); err != nil {
		t.Fatal(err)
	}
	c := s.minio(t, s.secret.AccessKey, s.secret.SecretKey)
	seen := map[string]bool{}
	for o := range c.ListObjects(t.Context(), "many", minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		seen[o.Key] = true
	}
	folders := 0
	for o := range c.ListObjects(t.Context(), "many", minio.ListObjectsOptions{}) {
		if o.Err != nil || !strings.HasSuffix(o.Key, "/") {
			t.Fatal(o.Key, o.Err)
		}
		folders++
	}
	if len(seen) != 10_000 || folders != 10 {
		t.Errorf("%d objects, %d folders", len(seen), folders)
	}
	began := time.Now()
	keys := make(chan minio.ObjectInfo)
	go func() {
		defer close(keys)
		for key := range seen {
			keys <- minio.ObjectInfo{Key: key}
		}
	}()
	for e := range c.RemoveObjects(t.Context(), "many", keys, minio.RemoveObjectsOptions{}) {
		t.Error(e.ObjectName, e.Err)
	}
	t.Logf("10,000 objects deleted in %s", time.Since(began).Round(time.Millisecond))
	if err := c.RemoveBucket(t.Context(), "many"); err != nil {
		t.Error(err)
	}
}

// TestRights: a key does what it may and nothing else, and not any more when it is revoked.
func TestRights(t *testing.T) {
	s := serve(t)
	ctx := t.Context()
	for _, name := range []string{"mine", "theirs", "secret"} {
		if _, err := s.bucket(t, name).Put(ctx, "k", strings.NewReader(name)); err != nil {
			t.Fatal(err)
		}
	}
	k, err := s.db.CreateAccessKey(ctx, "limited", map[string]string{"mine": "write", "theirs": "read"})
	if err != nil {
		t.Fatal(err)
	}
	c := s.minio(t, k.AccessKey, k.SecretKey)
	put := func(bucket, key string) error {
		_, err := c.PutObject(ctx, bucket, key, strings.NewReader("x"), 1, minio.PutObjectOptions{})
		return err
	}
	stat := func(bucket string) error {
		_, err := c.StatObject(ctx, bucket, "k", minio.StatObjectOptions{})
		return err
	}
	copied := func(from, to string) error {
		_, err := c.CopyObject(ctx, minio.CopyDestOptions{Bucket: to, Object: "copy"}, minio.CopySrcOptions{Bucket: from, Object: "k"})
		return err
	}
	list := func(bucket string) error {
		for o := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{}) {
			return o.Err
		}
		return nil
	}
	for what, err := range map[string]error{
		"put": put("mine", "k"), "stat": stat("theirs"), "copy": copied("theirs", "mine"), "list": list("theirs"),
		"delete": c.RemoveObject(ctx, "mine", "k", minio.RemoveObjectOptions{}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, err := range map[string]error{
		"put": put("theirs", "k"), "put elsewhere": put("secret", "k"), "stat": stat("secret"), "list": list("secret"),
		"copy from": copied("secret", "mine"), "copy to": copied("theirs", "secret"), "delete": c.RemoveObject(ctx, "theirs", "k", minio.RemoveObjectOptions{}),
		"make": c.MakeBucket(ctx, "new-bucket", minio.MakeBucketOptions{}), "drop": c.RemoveBucket(ctx, "mine"), "version": c.EnableVersioning(ctx, "mine"),
	} {
		if code := minio.ToErrorResponse(err).Code; code != "AccessDenied" {
			t.Errorf("%s: %v", what, err)
		}
	}
	buckets, err := c.ListBuckets(ctx)
	if err != nil || len(buckets) != 2 {
		t.Errorf("%v %v", buckets, err)
	}
	if err := s.db.RevokeAccessKey(ctx, "limited"); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(5 * time.Second); minio.ToErrorResponse(put("mine", "late")).Code != "InvalidAccessKeyId"; {
		if time.Now().After(until) {
			t.Fatal("a revoked key still works")
		}
	}
}

// TestTwoServers: several instances in one process do not know of each other.
func TestTwoServers(t *testing.T) {
	one, two := serve(t), serve(t)
	one.bucket(t, "only-one")
	c := one.minio(t, one.secret.AccessKey, one.secret.SecretKey)
	if ok, err := c.BucketExists(t.Context(), "only-one"); !ok || err != nil {
		t.Error(ok, err)
	}
	c = two.minio(t, two.secret.AccessKey, two.secret.SecretKey)
	if ok, err := c.BucketExists(t.Context(), "only-one"); ok || err != nil {
		t.Error(ok, err)
	}
	if _, err := two.minio(t, one.secret.AccessKey, one.secret.SecretKey).ListBuckets(t.Context()); minio.ToErrorResponse(err).Code != "InvalidAccessKeyId" {
		t.Error(err)
	}
}

// TestMinioTrailer: the trailer that minio-go sends over plain HTTP is not what AWS describes; it is refused, and nothing has
// changed.
func TestMinioTrailer(t *testing.T) {
	s := serve(t)
	b := s.bucket(t, "trailing")
	if _, err := b.Put(t.Context(), "k", strings.NewReader("old")); err != nil {
		t.Fatal(err)
	}
	c, err := minio.New(s.server.Addr(), &minio.Options{Creds: credentials.NewStaticV4(s.secret.AccessKey, s.secret.SecretKey, ""), Region: s3.Region, TrailingHeaders: true, MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{3, 300_000} {
		_, err := c.PutObject(t.Context(), "trailing", "k", bytes.NewReader(noise(t, n)), int64(n), minio.PutObjectOptions{Checksum: minio.ChecksumCRC32C})
		if code := minio.ToErrorResponse(err).Code; code != "BadDigest" {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if info, err := b.Head(t.Context(), "k"); err != nil || info.Size != 3 {
		t.Errorf("%+v, %v", info, err)
	}
	s.checked(t)
}
