package s3_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/howdah/howdah"
	"github.com/howdah/howdah/internal/s3"
	"github.com/howdah/howdah/internal/testdb"
)

var long = flag.Bool("long", false, "pass 2 GB through a server, not 200 MB")

// child is the process of a server alone, so that it can be killed and its memory is its own.
func child(url string) int {
	db, err := howdah.Open(context.Background(), url)
	if err == nil {
		var s *s3.Server
		if s, err = s3.Start(s3.Config{DB: db, Addr: "127.0.0.1:0"}); err == nil {
			fmt.Println(s.Addr())
			_, _ = io.Copy(io.Discard, os.Stdin) // until the parent ends
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestMain(m *testing.M) {
	if url := os.Getenv("HOWDAH_S3_CHILD"); url != "" {
		os.Exit(child(url))
	}
	testdb.Main(m)
}

type process struct {
	cmd    *exec.Cmd
	client *minio.Client
}

func startProcess(t *testing.T, url string, secret howdah.Secret) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "HOWDAH_S3_CHILD="+url)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c, err := minio.New(strings.TrimSpace(line), &minio.Options{Creds: credentials.NewStaticV4(secret.AccessKey, secret.SecretKey, ""), Region: s3.Region, MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	return &process{cmd, c}
}

func database(t *testing.T) (*howdah.DB, string, howdah.Secret) {
	t.Helper()
	url := testdb.New(t)
	db, err := howdah.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	secret, err := db.CreateAccessKey(t.Context(), "all", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.CreateBucket(t.Context(), "bucket"); err != nil {
		t.Fatal(err)
	}
	return db, url, secret
}

// TestKilledInTheMiddle: a server that is killed while an object and a part arrive leaves nothing that anybody sees; the
// object is the old one, the upload goes on, and the remains are collected.
func TestKilledInTheMiddle(t *testing.T) {
	db, url, secret := database(t)
	ctx := t.Context()
	p := startProcess(t, url, secret)
	if _, err := p.client.PutObject(ctx, "bucket", "k", strings.NewReader("old"), 3, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
	core := minio.Core{Client: p.client}
	upload, err := core.NewMultipartUpload(ctx, "bucket", "parts", minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body := noise(t, 6<<20)
	first, err := core.PutObjectPart(ctx, "bucket", "parts", upload, 1, bytes.NewReader(body), int64(len(body)), minio.PutObjectPartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	ended := make(chan error, 2)
	killed := make(chan struct{}) // net/http waits for the body of a request whose connection is gone
	slow := func() io.Reader { return &stalling{left: size / 2, until: killed} }
	go func() {
		_, err := core.PutObject(ctx, "bucket", "k", slow(), size, "", "", minio.PutObjectOptions{DisableContentSha256: true})
		ended <- err
	}()
	go func() {
		_, err := core.PutObjectPart(ctx, "bucket", "parts", upload, 2, slow(), size, minio.PutObjectPartOptions{DisableContentSha256: true})
		ended <- err
	}()
	count := func(sql string) (n int64) {
		t.Helper()
		if err := db.Pool().QueryRow(ctx, sql).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for until := time.Now().Add(time.Minute); count("select count(*) from howdah.piece where refs = 0 and size > 20000000") < 2; {
		if time.Now().After(until) {
			t.Fatal("the uploads do not arrive")
		}
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	close(killed)
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("an upload into a killed server has succeeded")
		}
	}
	p = startProcess(t, url, secret)
	o, err := p.client.GetObject(ctx, "bucket", "k", minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); err != nil || string(got) != "old" {
		t.Errorf("the object is %d bytes, %v", len(got), err)
	}
	if _, err := p.client.StatObject(ctx, "bucket", "parts", minio.StatObjectOptions{}); minio.ToErrorResponse(err).Code != "NoSuchKey" {
		t.Error("parts are visible:", err)
	}
	if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	if err := db.Upkeep(ctx); err != nil { // who is slow is not disturbed
		t.Fatal(err)
	}
	if n := count("select count(*) from howdah.piece where refs = 0"); n != 2 {
		t.Errorf("%d remains, not 2", n)
	}
	if _, err := db.Pool().Exec(ctx, "update howdah.piece set expires_at = expires_at - (select value::interval from howdah.setting where name = 'object_write_timeout') where refs = 0"); err != nil {
		t.Fatal(err)
	}
	if err := db.Upkeep(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count("select coalesce(sum(octet_length(data)), 0) from howdah.chunk"); n != 3+6<<20 {
		t.Errorf("%d bytes are left", n)
	}
	core = minio.Core{Client: p.client}
	if _, err := core.CompleteMultipartUpload(ctx, "bucket", "parts", upload, []minio.CompletePart{{PartNumber: 1, ETag: first.ETag}}, minio.PutObjectOptions{}); err != nil {
		t.Error("the upload does not go on:", err)
	}
}

// stalling gives so many bytes and then nothing until its end.
type stalling struct {
	left  int
	until <-chan struct{}
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.left == 0 {
		<-s.until
		return 0, errors.New("the end")
	}
	n := min(len(p), s.left)
	s.left -= n
	return n, nil
}

// TestMemory: big objects pass in both directions, some at a time, in less than 150 MB of the server's memory.
func TestMemory(t *testing.T) {
	_, url, secret := database(t)
	size, streams := int64(100<<20), 2
	if *long {
		size, streams = 2<<30, 1
	}
	p := startProcess(t, url, secret)
	core := minio.Core{Client: p.client}
	ended := make(chan error, streams)
	for i := range streams {
		go func() {
			key, sent, got := fmt.Sprint(i), md5.New(), md5.New()
			body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{byte(i)}), size), sent)
			info, err := core.PutObject(t.Context(), "bucket", key, body, size, "", "", minio.PutObjectOptions{DisableContentSha256: true})
			if err == nil && info.ETag != hex.EncodeToString(sent.Sum(nil)) {
				err = errors.New("another ETag than sent")
			}
			if err == nil {
				var o io.ReadCloser
				if o, _, _, err = core.GetObject(t.Context(), "bucket", key, minio.GetObjectOptions{}); err == nil {
					var n int64
					n, err = io.Copy(got, o)
					if err == nil && (n != size || !bytes.Equal(got.Sum(nil), sent.Sum(nil))) {
						err = fmt.Errorf("%d bytes of %d, or others", n, size)
					}
					_ = o.Close()
				}
			}
			ended <- err
		}()
	}
	for range streams {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	var peak int
	for line := range strings.Lines(string(status)) {
		_, _ = fmt.Sscanf(line, "VmHWM: %d kB", &peak)
	}
	t.Logf("%d MB at most, for %d streams of %d MB", peak>>10, streams, size>>20)
	limit := 150_000
	if raceDetector {
		limit *= 3
	}
	if peak == 0 || peak > limit {
		t.Errorf("the server took %d kB", peak)
	}
}
