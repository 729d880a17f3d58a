package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// record is one row of a result: values by name, in the order of the columns.
type record struct {
	names  []string
	values []any
}

// collect reads all rows. Times become UTC, intervals text, and JSON stays to the byte.
func collect(rows pgx.Rows) ([]record, error) {
	var all []record
	err := each(rows, func(r record) error {
		all = append(all, r)
		return nil
	})
	return all, err
}

// each calls f for every row.
func each(rows pgx.Rows, f func(record) error) error {
	defer rows.Close()
	var names []string
	for _, d := range rows.FieldDescriptions() {
		names = append(names, d.Name)
	}
	for rows.Next() {
		values := make([]any, len(names))
		for i, d := range rows.FieldDescriptions() {
			var err error
			if values[i], err = value(rows.Conn().TypeMap(), d, rows.RawValues()[i]); err != nil {
				return fmt.Errorf("read %s: %w", d.Name, err)
			}
		}
		if err := f(record{names: names, values: values}); err != nil {
			return err
		}
	}
	return rows.Err()
}

// value is a column as it is shown. JSON stays as it is written: its numbers may be too big for Go's.
func value(m *pgtype.Map, d pgconn.FieldDescription, raw []byte) (any, error) {
	switch {
	case raw == nil:
		return nil, nil
	case d.DataTypeOID == pgtype.JSONOID:
		return json.RawMessage(bytes.Clone(raw)), nil
	case d.DataTypeOID == pgtype.JSONBOID:
		return json.RawMessage(bytes.Clone(bytes.TrimPrefix(raw, []byte{1}))), nil // the version byte of its binary form
	}
	t, ok := m.TypeForOID(d.DataTypeOID)
	if !ok {
		return string(raw), nil
	}
	v, err := t.Codec.DecodeValue(m, d.DataTypeOID, d.Format, raw)
	switch v := v.(type) {
	case time.Time:
		return v.UTC(), err
	case pgtype.InfinityModifier:
		return v.String(), err
	case pgtype.Interval:
		return intervalText(v), err
	}
	return v, err
}

func intervalText(v pgtype.Interval) any {
	if !v.Valid {
		return nil
	}
	var parts []string
	if v.Months != 0 {
		parts = append(parts, fmt.Sprintf("%d months", v.Months))
	}
	if v.Days != 0 {
		parts = append(parts, fmt.Sprintf("%d days", v.Days))
	}
	if v.Microseconds != 0 || len(parts) == 0 {
		parts = append(parts, (time.Duration(v.Microseconds) * time.Microsecond).String())
	}
	return strings.Join(parts, " ")
}

func (r record) get(name string) any {
	for i, n := range r.names {
		if n == name {
			return r.values[i]
		}
	}
	return nil
}

func (r record) int(name string) int64 {
	n, _ := r.get(name).(int64)
	return n
}

func (r record) text(name string) string {
	v := r.get(name)
	if v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// MarshalJSON keeps the order of the columns. A claim_id goes as a string: it does not fit into a double.
func (r record) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, name := range r.names {
		b.WriteByte("{,"[min(i, 1)])
		v := r.values[i]
		if id, ok := v.(int64); ok && name == "claim_id" {
			v = strconv.FormatInt(id, 10)
		}
		_, _ = fmt.Fprintf(&b, "%q:", name)
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return nil, fmt.Errorf("column %s: %w", name, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// asJSON marks a payload that came as text as the JSON that it is.
func asJSON(r record) record {
	for i, name := range r.names {
		if s, ok := r.values[i].(string); ok && name == "payload" {
			r.values[i] = json.RawMessage(s)
		}
	}
	return r
}

// printJSON writes one value on a line of its own.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// list prints rows: a table of some columns, or with --json an object with all of them on each line.
func (a *app) list(rows []record, none string, columns ...string) error {
	if a.json {
		for _, r := range rows {
			if err := a.printJSON(r); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		_, err := fmt.Fprintln(a.Out, none)
		return err
	}
	return table(a.Out, rows, columns)
}

// table aligns columns: numbers and times to the right, everything else to the left.
func table(w io.Writer, rows []record, columns []string) error {
	lines := [][]string{make([]string, len(columns))}
	right := make([]bool, len(columns))
	width := make([]int, len(columns))
	for i, c := range columns {
		lines[0][i] = heading(c)
	}
	for _, r := range rows {
		line := make([]string, len(columns))
		for i, c := range columns {
			v := r.get(c)
			line[i] = cell(c, v)
			switch v.(type) {
			case int64, int32, int16, float64, time.Duration:
				right[i] = true
			}
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		for i, s := range line {
			width[i] = max(width[i], utf8.RuneCountInString(s))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		var row strings.Builder
		for i, s := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(s))
			if right[i] {
				s = pad + s
			} else {
				s += pad
			}
			if i > 0 {
				row.WriteString("  ")
			}
			row.WriteString(s)
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// headings of columns whose values are shown with their unit.
var headings = map[string]string{"lag_seconds": "OLDEST", "retention_seconds": "RETENTION", "open_seconds": "OPEN FOR", "in_per_s": "IN/S", "done_per_s": "DONE/S"}

func heading(column string) string {
	if h, ok := headings[column]; ok {
		return h
	}
	return strings.ToUpper(strings.ReplaceAll(column, "_", " "))
}

// cell is a value for people, by what its column means.
func cell(column string, v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case time.Time:
		return v.Format("2006-01-02 15:04:05Z")
	case float64:
		if strings.HasSuffix(column, "seconds") {
			return age(v)
		}
		return strconv.FormatFloat(v, 'f', 1, 64)
	case int64:
		switch {
		case strings.HasSuffix(column, "bytes"):
			return size(v)
		case column == "claim_id":
			return strconv.FormatInt(v, 10)
		}
		return thousands(v)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case json.RawMessage:
		return clip(string(v), 60)
	case string:
		if column == "problem" || column == "error" {
			return clip(v, 400)
		}
		return clip(v, 60)
	}
	return fmt.Sprint(v)
}

// clip keeps a text on one line and control characters off the terminal.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), 0
	for f >= 999.5 && unit < 5 {
		f /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", f, " kMGTP"[unit])
}

func age(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < 48*time.Hour:
		s := d.Round(time.Second).String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		return s
	}
	return fmt.Sprintf("%.1fd", d.Hours()/24)
}

// count is a number with its noun.
func count(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return thousands(n) + " " + noun
}

// printEventLine prints an event, whose time an adopted table may not know, in one line.
func (a *app) printEventLine(id int64, at time.Time, key, payload string) error {
	stamp := "-"
	if !at.IsZero() {
		stamp = at.Format(time.RFC3339)
	}
	if key == "" {
		key = "-"
	}
	_, err := fmt.Fprintf(a.Out, "%d  %s  %s  %s\n", id, stamp, clip(key, 40), clip(payload, 1<<20))
	return err
}
