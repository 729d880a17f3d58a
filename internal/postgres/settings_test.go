package postgres

import "testing"

func TestSharedBuffers(t *testing.T) {
	for memory, want := range map[uint64]string{0: "128MB", 512 << 20: "128MB", 4 << 30: "256MB", 8<<30 - 1: "511MB", 16 << 30: "1024MB", 1 << 40: "1024MB"} {
		if got := sharedBuffers(memory); got != want {
			t.Errorf("%d bytes of memory: %s, not %s", memory, got, want)
		}
	}
}
