package feature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Kind tells numbers from names.
type Kind string

// The kinds of columns.
const (
	Number   Kind = "number"
	Category Kind = "category"
)

// Column is one feature.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	Doc  string `json:"doc,omitempty"`
}

// View is an ordered list of features under a name and version. A change of meaning is a new version.
type View struct {
	Name    string   `json:"name"`
	Version int      `json:"version"`
	Columns []Column `json:"columns"`
}

// ID is the view's name and version in one word, such as fraud_v1.
func (v View) ID() string { return fmt.Sprintf("%s_v%d", v.Name, v.Version) }

// Numbers are the names of the numeric columns, in order.
func (v View) Numbers() []string { return v.names(Number) }

// Categories are the names of the categorical columns, in order.
func (v View) Categories() []string { return v.names(Category) }

func (v View) names(k Kind) []string {
	var names []string
	for _, c := range v.Columns {
		if c.Kind == k {
			names = append(names, c.Name)
		}
	}
	return names
}

// Row holds the values of a view for one fact: numbers and categories, each in the order of the view. NaN and the empty
// string are null.
type Row struct {
	Numbers    []float64
	Categories []string
}

// Equal compares to the bit; two nulls are equal.
func (r Row) Equal(o Row) bool { return r.Difference(o) < 0 }

// Difference is the index of the first value that differs, numbers first, or -1.
func (r Row) Difference(o Row) int {
	if len(r.Numbers) != len(o.Numbers) || len(r.Categories) != len(o.Categories) {
		return 0
	}
	for i, x := range r.Numbers {
		if y := o.Numbers[i]; x != y && !(math.IsNaN(x) && math.IsNaN(y)) {
			return i
		}
	}
	for i, x := range r.Categories {
		if x != o.Categories[i] {
			return len(r.Numbers) + i
		}
	}
	return -1
}

// AppendJSON writes the row as an object, in the order of the view.
func (v View) AppendJSON(b []byte, r Row) []byte {
	b = append(b, '{')
	n, c := 0, 0
	for i, col := range v.Columns {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, col.Name)
		b = append(b, ':')
		switch {
		case col.Kind == Number:
			if x := r.Numbers[n]; math.IsNaN(x) || math.IsInf(x, 0) {
				b = append(b, "null"...)
			} else {
				b = strconv.AppendFloat(b, x, 'g', -1, 64)
			}
			n++
		case r.Categories[c] == "":
			b = append(b, "null"...)
			c++
		default:
			quoted, _ := json.Marshal(r.Categories[c]) // a string
			b = append(b, quoted...)
			c++
		}
	}
	return append(b, '}')
}

// ParseJSON reads what AppendJSON wrote, to the bit. A column that is missing is null; one that the view does not know
// is an error.
func (v View) ParseJSON(text []byte) (Row, error) {
	values := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&values); err != nil {
		return Row{}, fmt.Errorf("features of %s: %w", v.ID(), err)
	}
	var r Row
	for _, col := range v.Columns {
		x, there := values[col.Name]
		delete(values, col.Name)
		switch {
		case col.Kind == Number && (!there || x == nil):
			r.Numbers = append(r.Numbers, math.NaN())
		case col.Kind == Category && (!there || x == nil):
			r.Categories = append(r.Categories, "")
		case col.Kind == Number:
			n, ok := x.(float64)
			if !ok {
				return Row{}, fmt.Errorf("feature %s of %s is %v; it must be a number or null", col.Name, v.ID(), x)
			}
			r.Numbers = append(r.Numbers, n)
		default:
			s, ok := x.(string)
			if !ok {
				return Row{}, fmt.Errorf("feature %s of %s is %v; it must be a text or null", col.Name, v.ID(), x)
			}
			r.Categories = append(r.Categories, s)
		}
	}
	for name := range values {
		return Row{}, fmt.Errorf("the view %s has no feature %q", v.ID(), name)
	}
	return r, nil
}

// Table holds many rows of a view, column by column.
type Table struct {
	View       View
	Numbers    [][]float64 // per numeric column
	Categories [][]string  // per categorical column
}

// NewTable is empty, with room for n rows.
func NewTable(v View, n int) *Table {
	t := &Table{View: v, Numbers: make([][]float64, len(v.Numbers())), Categories: make([][]string, len(v.Categories()))}
	for i := range t.Numbers {
		t.Numbers[i] = make([]float64, 0, n)
	}
	for i := range t.Categories {
		t.Categories[i] = make([]string, 0, n)
	}
	return t
}

// Append adds a row.
func (t *Table) Append(r Row) {
	for i, x := range r.Numbers {
		t.Numbers[i] = append(t.Numbers[i], x)
	}
	for i, x := range r.Categories {
		t.Categories[i] = append(t.Categories[i], x)
	}
}

// Len is the number of rows.
func (t *Table) Len() int {
	if len(t.Numbers) > 0 {
		return len(t.Numbers[0])
	}
	if len(t.Categories) > 0 {
		return len(t.Categories[0])
	}
	return 0
}

// Row is a copy of row i.
func (t *Table) Row(i int) Row {
	r := Row{make([]float64, len(t.Numbers)), make([]string, len(t.Categories))}
	for c := range t.Numbers {
		r.Numbers[c] = t.Numbers[c][i]
	}
	for c := range t.Categories {
		r.Categories[c] = t.Categories[c][i]
	}
	return r
}

// Slice is a view of rows from … until-1; it shares memory.
func (t *Table) Slice(from, until int) *Table {
	s := &Table{View: t.View, Numbers: make([][]float64, len(t.Numbers)), Categories: make([][]string, len(t.Categories))}
	for c := range t.Numbers {
		s.Numbers[c] = t.Numbers[c][from:until:until]
	}
	for c := range t.Categories {
		s.Categories[c] = t.Categories[c][from:until:until]
	}
	return s
}
