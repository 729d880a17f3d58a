package s3_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/howdah/howdah/internal/s3"
)

// trailing makes the request that SDKs send over TLS: a body in chunks of any size whose checksum comes after it;
// inChunks it does not say its length, and HTTP cuts it into chunks once more.
func (s *site) trailing(t *testing.T, body, sum string, announced int, inChunks bool) *http.Request {
	t.Helper()
	var chunked strings.Builder
	for rest := body; rest != ""; {
		n := min(len(rest), 65536)
		_, _ = fmt.Fprintf(&chunked, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	_, _ = fmt.Fprintf(&chunked, "0\r\nx-amz-checksum-crc64nvme:%s\r\n\r\n", sum)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.server.URL()+"/trailers/k", strings.NewReader(chunked.String()))
	if err != nil {
		t.Fatal(err)
	}
	if inChunks {
		r.ContentLength = -1
	}
	const unsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	for name, v := range map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc64nvme", "X-Amz-Content-Sha256": unsigned, "Content-Encoding": "aws-chunked",
		"X-Amz-Decoded-Content-Length": fmt.Sprint(announced), "X-Amz-Sdk-Checksum-Algorithm": "CRC64NVME"} {
		r.Header.Set(name, v)
	}
	keys := aws.Credentials{AccessKeyID: s.secret.AccessKey, SecretAccessKey: s.secret.SecretKey}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, unsigned, "s3", s3.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

func crc64NVME(body string) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64.Checksum([]byte(body), crc64.MakeTable(0x9a6c9329ac4bc9b5))))
}

func TestTrailingChecksum(t *testing.T) {
	s := serve(t)
	b := s.bucket(t, "trailers")
	send := func(body, sum string, announced int) (int, string) {
		resp, err := http.DefaultClient.Do(s.trailing(t, body, sum, announced, false))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(answer)
	}
	for _, n := range []int{5, 65536, 65537, 262144, 1_000_000, 5_000_000} {
		body := string(noise(t, n))
		if status, answer := send(body, crc64NVME(body), n); status != 200 {
			t.Fatalf("%d bytes: %d %s", n, status, answer)
		}
		info, err := b.Head(t.Context(), "k")
		if err != nil || info.Size != int64(n) || info.Checksum == nil || info.Checksum.Value != crc64NVME(body) {
			t.Errorf("%+v, %v", info, err)
		}
		for what, try := range map[string]func() (int, string){
			"BadDigest": func() (int, string) { return send(body, crc64NVME("other"), n) }, "IncompleteBody": func() (int, string) { return send(body, crc64NVME(body), n+1) },
		} {
			if status, answer := try(); status != 400 {
				t.Errorf("%s: %d %s", what, status, answer)
			}
		}
		if after, err := b.Head(t.Context(), "k"); err != nil || !after.ModifiedAt.Equal(info.ModifiedAt) {
			t.Error("what was refused has changed the object", err)
		}
	}
	s.checked(t)
}

// TestChunksInChunks: such a body can itself come in HTTP chunks, and the next request on its connection is understood.
func TestChunksInChunks(t *testing.T) {
	s := serve(t)
	b := s.bucket(t, "trailers")
	for _, n := range []int{0, 5, 100_000} {
		body := string(noise(t, n))
		var wire bytes.Buffer
		for range 2 {
			if err := s.trailing(t, body, crc64NVME(body), n, true).Write(&wire); err != nil {
				t.Fatal(err)
			}
		}
		conn := dial(t, s)
		go func() { _, _ = wire.WriteTo(conn) }()
		answers := bufio.NewReader(conn)
		for range 2 {
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%d bytes: %d %s %v", n, resp.StatusCode, answer, err)
			}
		}
		if info, err := b.Head(t.Context(), "k"); err != nil || info.Size != int64(n) {
			t.Errorf("%+v, %v", info, err)
		}
	}
}
