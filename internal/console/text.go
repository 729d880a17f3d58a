package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/howdah/howdah"
)

// number writes a whole number with a comma at every thousand.
func number(v any) string {
	if p, ok := v.(*int64); ok {
		if p == nil {
			return "–"
		}
		v = *p
	}
	s := fmt.Sprint(v)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// capped writes a number that is counted only so far.
func capped(v int64) string {
	if v >= howdah.FiguresLimit {
		return number(howdah.FiguresLimit) + "+"
	}
	return number(v)
}

func plural(v any, one, many string) string {
	if fmt.Sprint(v) == "1" {
		return one
	}
	return many
}

// rateText writes events a second with as many digits as one reads.
func rateText(r float64) string {
	switch {
	case r == 0:
		return "0"
	case r < 0.095:
		return "<0.1"
	case r < 9.95:
		return strconv.FormatFloat(r, 'f', 1, 64)
	default:
		return number(int64(math.Round(r)))
	}
}

func sizeText(n int64) string {
	f := float64(n)
	for _, unit := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 || unit == "TiB" {
			if unit == "B" || f >= 100 {
				return strconv.FormatFloat(f, 'f', 0, 64) + " " + unit
			}
			return strconv.FormatFloat(f, 'f', 1, 64) + " " + unit
		}
		f /= 1024
	}
	return ""
}

// secondsText writes a length of time in the two units that matter.
func secondsText(s float64) string {
	switch {
	case s < 0.0005:
		return "0 s"
	case s < 1:
		return strconv.FormatFloat(s*1000, 'f', 0, 64) + " ms"
	case s < 10:
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	case s < 120:
		return strconv.FormatFloat(s, 'f', 0, 64) + " s"
	case s < 2*3600:
		return twoUnits(int(s)/60, "min", int(s)%60, "s")
	case s < 48*3600:
		return twoUnits(int(s)/3600, "h", int(s)/60%60, "min")
	default:
		return twoUnits(int(s)/86400, "d", int(s)/3600%24, "h")
	}
}

func twoUnits(a int, unit string, b int, smaller string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unit)
	}
	return fmt.Sprintf("%d %s %d %s", a, unit, b, smaller)
}

func instant(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, !t.IsZero()
		}
	}
	return time.Time{}, false
}

// ago writes how long ago a time is, or how far ahead. The text ages in the browser.
func ago(v any) template.HTML {
	t, ok := instant(v)
	if !ok {
		return "–"
	}
	d := time.Since(t)
	text := secondsText(d.Round(time.Second).Seconds()) + " ago"
	if d < 0 {
		text = "in " + secondsText((-d).Round(time.Second).Seconds())
	} else if d < 1500*time.Millisecond {
		text = "now"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s UTC" data-ago>%s</time>`, //nolint:gosec // numbers and letters
		t.UTC().Format(time.RFC3339Nano), t.UTC().Format("2006-01-02 15:04:05.000"), text))
}

// due writes when something is to be delivered again.
func due(v any) template.HTML {
	if _, ok := instant(v); !ok {
		return "at once"
	}
	return ago(v)
}

// clock writes a time of day, with the day where it is not today's.
func clock(v any) template.HTML {
	t, ok := instant(v)
	if !ok {
		return "–"
	}
	t = t.UTC()
	text := t.Format("15:04:05.000")
	if t.YearDay() != time.Now().UTC().YearDay() || t.Year() != time.Now().UTC().Year() {
		text = t.Format("2006-01-02 15:04:05")
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s UTC">%s</time>`, //nolint:gosec // numbers and letters
		t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05.000000"), text))
}

// stamp writes a time in full.
func stamp(v any) template.HTML {
	t, ok := instant(v)
	if !ok {
		return "–"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s UTC</time>`, //nolint:gosec // numbers and letters
		t.UTC().Format(time.RFC3339Nano), t.UTC().Format("2006-01-02 15:04:05.000")))
}

// preview writes the beginning of a payload on one line.
func preview(b []byte) string {
	const most = 240
	if !utf8.Valid(b) {
		return fmt.Sprintf("%d bytes: %x", len(b), b[:min(len(b), 40)])
	}
	var line bytes.Buffer
	if json.Valid(b) && len(b) < 1<<20 {
		_ = json.Compact(&line, b)
	} else {
		line.Write(bytes.Join(bytes.Fields(b[:min(len(b), 2*most)]), []byte(" ")))
	}
	s := line.String()
	if len(s) <= most {
		return s
	}
	for s = s[:most]; !utf8.ValidString(s); s = s[:len(s)-1] {
	}
	return s + "…"
}

// pretty writes JSON with line breaks and colours; other content as it is, or its beginning in hexadecimal.
func pretty(b []byte) template.HTML {
	const most = 256 << 10
	cut := ""
	if !json.Valid(b) {
		if len(b) > most {
			b, cut = b[:most], "\n…"
		}
		if utf8.Valid(b) {
			return template.HTML(template.HTMLEscapeString(string(b) + cut)) //nolint:gosec // escaped
		}
		var dump strings.Builder
		for i := 0; i < min(len(b), 4096); i += 16 {
			fmt.Fprintf(&dump, "%08x  % x\n", i, b[i:min(i+16, len(b))])
		}
		return template.HTML(template.HTMLEscapeString(dump.String() + cut)) //nolint:gosec // escaped
	}
	var text bytes.Buffer
	_ = json.Indent(&text, bytes.TrimSpace(b), "", "  ")
	s := text.String()
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "\n…"
	}
	return colour(s)
}

// colour marks names, texts, numbers and words of indented JSON.
func colour(s string) template.HTML {
	var b strings.Builder
	mark := func(class, text string) {
		b.WriteString(`<span class="` + class + `">` + template.HTMLEscapeString(text) + `</span>`)
	}
	for i := 0; i < len(s); {
		switch ch := s[i]; {
		case ch == '"':
			j := i + 1
			for j < len(s) && s[j] != '"' {
				if s[j] == '\\' {
					j++
				}
				j++
			}
			j = min(j+1, len(s))
			if j < len(s) && s[j] == ':' {
				mark("jk", s[i:j])
			} else {
				mark("js", s[i:j])
			}
			i = j
		case ch == '-' || ch >= '0' && ch <= '9' || ch >= 'a' && ch <= 'z':
			j := i + 1
			for j < len(s) && !strings.ContainsRune(",]} \n:", rune(s[j])) {
				j++
			}
			mark("jn", s[i:j])
			i = j
		default:
			_, n := utf8.DecodeRuneInString(s[i:])
			b.WriteString(template.HTMLEscapeString(s[i : i+n]))
			i += n
		}
	}
	return template.HTML(b.String()) //nolint:gosec // every piece is escaped
}
