package s3_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/howdah/howdah/internal/s3"
)

// signed gives the head of a signed PUT as it goes over the wire, for a body of that size that follows.
func (s *site) signed(t *testing.T, path string, size int) string {
	t.Helper()
	const unsigned = "UNSIGNED-PAYLOAD"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.server.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = int64(size)
	r.Header.Set("X-Amz-Content-Sha256", unsigned)
	keys := aws.Credentials{AccessKeyID: s.secret.AccessKey, SecretAccessKey: s.secret.SecretKey}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, unsigned, "s3", s3.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	var head strings.Builder
	_, _ = fmt.Fprintf(&head, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", path, s.server.Addr(), size)
	_ = r.Header.Write(&head)
	return head.String() + "\r\n"
}

func dial(t *testing.T, s *site) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStalled: a connection on which nothing moves ends by itself wherever it stands, and leaves nothing.
func TestStalled(t *testing.T) {
	s := serveFor(t, 200*time.Millisecond)
	b := s.bucket(t, "stalled")
	const size = 1 << 20
	body := string(noise(t, size))
	if _, err := b.Put(t.Context(), "k", strings.NewReader("old")); err != nil {
		t.Fatal(err)
	}
	t.Run("connections", func(t *testing.T) {
		head := s.signed(t, "/stalled/k", size)
		for what, c := range map[string]struct{ sent, answer string }{
			"nothing":              {"", ""},
			"half a head":          {head[:len(head)/2], ""},
			"a head":               {head, ""},
			"some bytes of a body": {head + body[:100], ""},
			"half a body":          {head + body[:size/2], "<Code>RequestTimeout</Code>"},
			"all but one byte":     {head + body[:size-1], "<Code>RequestTimeout</Code>"},
		} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				conn := dial(t, s)
				if _, err := io.WriteString(conn, c.sent); err != nil {
					t.Fatal(err)
				}
				answer, err := io.ReadAll(conn)
				if err != nil || !strings.Contains(string(answer), c.answer) || strings.Contains(string(answer), "200 OK") {
					t.Errorf("%v, %q", err, answer)
				}
			})
		}
	})
	if info, err := b.Head(t.Context(), "k"); err != nil || info.Size != 3 {
		t.Errorf("%+v, %v", info, err)
	}
	s.checked(t)
}

// TestSlow: an upload that takes longer than the limit goes on as long as something arrives.
func TestSlow(t *testing.T) {
	const limit, steps = 1500 * time.Millisecond, 30
	s := serveFor(t, limit)
	b := s.bucket(t, "slow")
	for _, size := range []int{steps, 50_000 * steps} {
		path := fmt.Sprintf("/slow/%d", size)
		head, body := s.signed(t, path, size), string(noise(t, size))
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, s)
			if _, err := io.WriteString(conn, head); err != nil {
				t.Fatal(err)
			}
			tick := time.NewTicker(limit * 3 / 2 / steps)
			defer tick.Stop()
			for i := range steps {
				<-tick.C
				if _, err := io.WriteString(conn, body[i*size/steps:(i+1)*size/steps]); err != nil {
					t.Fatal(err)
				}
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%+v, %v", resp, err)
			}
			if info, err := b.Head(t.Context(), path[len("/slow/"):]); err != nil || info.Size != int64(size) {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}
