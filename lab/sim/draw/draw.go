// Package draw makes random draws that are a pure function of what they are for.
//
// A Key names a purpose: the seed, then the kind of entity, its id, the day, the purpose. Keys are derived one from
// another, never advanced, so that any draw can be made alone, in any order and on any machine:
//
//	k := draw.Root(42, "payments", 1)
//	r := k.For("customer").With(17).For("payments").With(day).Rand()
//	n := r.Poisson(2.0)
//
// Numbers do not depend on the processor: the functions here use additions, multiplications, divisions and square
// roots only, which IEEE 754 rounds in one way, and every product that is added to something is rounded first with
// an explicit float64 conversion, so that no compiler may fuse the two (arm64, and amd64 from GOAMD64=v3 on, would).
// The logarithm and the exponential of package math are assembly on some platforms and are not used.
package draw

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// golden is 2^64 divided by the golden ratio: the step of the counter behind Rand.
const golden = 0x9e3779b97f4a7c15

// mix spreads every bit of x over the whole word (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// name turns a word into a number (FNV-1a).
func name(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h ^= uint64(s[i])
		h *= 0x100000001b3
	}
	return h
}

// Key names what draws are for.
type Key uint64

// Root is the key of one run of a scenario: everything else is derived from it.
func Root(seed uint64, scenario string, version int) Key {
	return Key(mix(seed + golden)).For(scenario).With(int64(version))
}

// For derives the key of a named part or purpose.
func (k Key) For(purpose string) Key { return k.derive(name(purpose)) }

// With derives the key of a numbered part: an id, a day, the n-th of something.
func (k Key) With(n int64) Key { return k.derive(mix(uint64(n) + golden)) }

func (k Key) derive(x uint64) Key {
	// The rotation makes the order of the parts count: (1, 2) is not (2, 1).
	return Key(mix(bits.RotateLeft64(uint64(k), 23)*golden + x))
}

// Rand starts the sequence of draws of this key.
func (k Key) Rand() *Rand { return &Rand{state: uint64(k)} }

// ID is a 16-byte identifier in the form of a UUID (version 8: made by a rule of one's own).
func (k Key) ID() [16]byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], uint64(k.For("id high")))
	binary.BigEndian.PutUint64(id[8:], uint64(k.For("id low")))
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Hex is the key as 16 hexadecimal digits, for ids inside payloads.
func (k Key) Hex() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(k))
	return hex.EncodeToString(b[:])
}

// Rand is one sequence of draws. It is not for concurrent use; derive a key for each goroutine instead.
type Rand struct{ state uint64 }

// Uint64 is the next draw, all 64 bits of it.
func (r *Rand) Uint64() uint64 {
	r.state += golden
	return mix(r.state)
}

// Float is uniform in [0, 1), in steps of 2^-53. The outer conversion keeps callers from fusing the division, which the
// compiler turns into a product, with what they add.
func (r *Rand) Float() float64 { return float64(float64(r.Uint64()>>11) / (1 << 53)) }

// open is uniform in (0, 1]: its logarithm exists.
func (r *Rand) open() float64 { return float64(float64(r.Uint64()>>11+1) / (1 << 53)) }

// IntN is uniform in 0 … n-1. It panics unless n > 0.
func (r *Rand) IntN(n int) int {
	if n <= 0 {
		panic("draw: IntN needs n > 0")
	}
	hi, _ := bits.Mul64(r.Uint64(), uint64(n))
	return int(hi)
}

// Between is a uniform integer in lo … hi, both included. It panics if hi < lo.
func (r *Rand) Between(lo, hi int64) int64 {
	if hi < lo {
		panic("draw: Between needs lo <= hi")
	}
	span, _ := bits.Mul64(r.Uint64(), uint64(hi-lo)+1)
	return lo + int64(span)
}

// Chance is true with probability p.
func (r *Rand) Chance(p float64) bool { return r.Float() < p }
