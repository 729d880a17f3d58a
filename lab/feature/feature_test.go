package feature

import (
	"math"
	"testing"
)

var view = View{Name: "toy", Version: 1, Columns: []Column{{Name: "x", Kind: Number}, {Name: "c", Kind: Category}, {Name: "y", Kind: Number}}}

func TestJSONKeepsEveryBit(t *testing.T) {
	for _, r := range []Row{
		{[]float64{0.1 + 0.2, math.NaN()}, []string{`a "b" é`}}, {[]float64{math.SmallestNonzeroFloat64, -1e300}, []string{""}},
	} {
		text := view.AppendJSON(nil, r)
		got, err := view.ParseJSON(text)
		if err != nil || !got.Equal(r) {
			t.Errorf("%s is read as %v (%v), want %v", text, got, err, r)
		}
	}
	if got := string(view.AppendJSON(nil, Row{[]float64{1, math.NaN()}, []string{"k"}})); got != `{"x":1,"c":"k","y":null}` {
		t.Error(got)
	}
	for _, bad := range []string{`{"x":"1"}`, `{"c":1}`, `{"z":1}`, `[]`, `{`} {
		if _, err := view.ParseJSON([]byte(bad)); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestTableAndDifference(t *testing.T) {
	table := NewTable(view, 2)
	a, b := Row{[]float64{1, math.NaN()}, []string{"k"}}, Row{[]float64{1, 2}, []string{"l"}}
	table.Append(a)
	table.Append(b)
	if table.Len() != 2 || !table.Row(0).Equal(a) || !table.Slice(1, 2).Row(0).Equal(b) {
		t.Errorf("table %+v", table)
	}
	if d := a.Difference(b); d != 1 {
		t.Errorf("first difference at %d, want 1", d)
	}
	if d := b.Difference(Row{[]float64{1, 2}, []string{"m"}}); d != 2 {
		t.Errorf("first difference at %d, want 2", d)
	}
}
