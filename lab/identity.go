package lab

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/howdah/howdah/lab/sim"
)

// hashID makes an id of texts: the same texts, the same id.
func hashID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// placeID is the id of an event that brought none: made of its topic and its place there.
func placeID(topic string, id int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", topic, id))
	return sim.FormatID([16]byte(sum[:16]))
}

func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func uuidBytes(s string) (id [16]byte) {
	b, _ := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	copy(id[:], b)
	return id
}

// bucket is a stable place of an entity in [0, 1): canaries are chosen by it, not by chance for each request.
func bucket(model, entity string) float64 {
	sum := sha256.Sum256([]byte(model + "/" + entity))
	return float64(uint32(sum[0])<<24|uint32(sum[1])<<16|uint32(sum[2])<<8|uint32(sum[3])) / (1 << 32)
}

// hashUUID is hashID in the form of a UUID.
func hashUUID(parts ...string) string {
	id := hashID(parts...)
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

func formatUUID(id [16]byte) string { return sim.FormatID(id) }

func randomID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
