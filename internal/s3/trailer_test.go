package s3_test

import (
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

// TestTrailingChecksum sends what SDKs send over TLS: a body in chunks of any size whose checksum comes after it.
func TestTrailingChecksum(t *testing.T) {
	s := serve(t)
	b := s.bucket(t, "trailers")
	send := func(body, sum string, announced int) (int, string) {
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
		const unsigned = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
		for name, v := range map[string]string{"X-Amz-Trailer": "x-amz-checksum-crc64nvme", "X-Amz-Content-Sha256": unsigned, "Content-Encoding": "aws-chunked",
			"X-Amz-Decoded-Content-Length": fmt.Sprint(announced), "X-Amz-Sdk-Checksum-Algorithm": "CRC64NVME"} {
			r.Header.Set(name, v)
		}
		keys := aws.Credentials{AccessKeyID: s.secret.AccessKey, SecretAccessKey: s.secret.SecretKey}
		if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, unsigned, "s3", s3.Region, time.Now()); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
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
	sum := func(body string) string {
		return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64.Checksum([]byte(body), crc64.MakeTable(0x9a6c9329ac4bc9b5))))
	}
	for _, n := range []int{5, 65536, 65537, 262144, 1_000_000, 5_000_000} {
		body := string(noise(t, n))
		if status, answer := send(body, sum(body), n); status != 200 {
			t.Fatalf("%d bytes: %d %s", n, status, answer)
		}
		info, err := b.Head(t.Context(), "k")
		if err != nil || info.Size != int64(n) || info.Checksum == nil || info.Checksum.Value != sum(body) {
			t.Errorf("%+v, %v", info, err)
		}
		for what, try := range map[string]func() (int, string){
			"BadDigest": func() (int, string) { return send(body, sum("other"), n) }, "IncompleteBody": func() (int, string) { return send(body, sum(body), n+1) },
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
