package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// TestInterleave: every arm runs once in every round, and what runs before it differs from round to round.
func TestInterleave(t *testing.T) {
	for n := 1; n <= 9; n++ {
		var order []string
		var arms []arm
		for i := range n {
			name := fmt.Sprint(i)
			arms = append(arms, arm{name, func(context.Context) (float64, error) {
				order = append(order, name)
				return float64(len(order)), nil
			}})
		}
		b := &bench{o: Options{Rounds: 3}}
		got, err := b.interleave(t.Context(), arms)
		if err != nil {
			t.Fatal(err)
		}
		before := map[string]bool{}
		for round := range 3 {
			this := order[round*n : (round+1)*n]
			for i, name := range this {
				if len(got[name]) != 3 || slices.Index(this, name) != i {
					t.Fatalf("%d arms run in the order %v", n, order)
				}
				if i > 0 && name == "0" {
					before[this[i-1]] = true
				}
			}
		}
		if n == 9 && len(before) < 2 {
			t.Errorf("arm 0 runs after %v alone", before)
		}
	}
}
