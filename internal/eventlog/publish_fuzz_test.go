package eventlog

import (
	"bytes"
	"io"
	"testing"
)

// FuzzCopyText: whatever is in an event, its row in COPY's text format has three columns and reads back the same.
func FuzzCopyText(f *testing.F) {
	f.Add("key", []byte(`{"a": 1}`), []byte(`{}`), false)
	f.Add(`\N`, []byte("\\.\n\t\r\\"), []byte(nil), false)
	f.Add("", []byte{0, 255, '\\'}, []byte("\x00"), true)
	f.Fuzz(func(t *testing.T, key string, payload, headers []byte, raw bool) {
		sent := Event{Key: key, Payload: payload, Headers: headers}
		out, err := io.ReadAll(&copyText{events: []Event{sent, sent}, raw: raw})
		if len(payload) == 0 && !raw {
			if err == nil {
				t.Fatal("an empty payload is accepted")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(out, []byte("\n"))
		if len(lines) != 3 || len(lines[2]) != 0 || !bytes.Equal(lines[0], lines[1]) {
			t.Fatalf("two events make %q", out)
		}
		columns := bytes.Split(lines[0], []byte("\t"))
		if len(columns) != 3 {
			t.Fatalf("%d columns: %q", len(columns), lines[0])
		}
		for i, want := range [][]byte{[]byte(key), payload, headers} {
			switch got := columns[i]; {
			case i == 1 && raw:
				if !bytes.HasPrefix(got, []byte(`\\x`)) || len(got) != 3+2*len(want) {
					t.Fatalf("bytes %q for %q", got, want)
				}
			case len(want) == 0:
				if string(got) != `\N` {
					t.Fatalf("%q for nothing", got)
				}
			default:
				if text, null := unescape(got); null || !bytes.Equal(text, want) {
					t.Fatalf("%q reads back as %q", want, text)
				}
			}
		}
	})
}

// unescape reads a column as PostgreSQL's documentation of COPY describes it.
func unescape(s []byte) (text []byte, null bool) {
	if string(s) == `\N` {
		return nil, true
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
			if special, ok := map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v'}[s[i]]; ok {
				text = append(text, special)
				continue
			}
		}
		text = append(text, s[i])
	}
	return text, false
}
