package configfile

import (
	"fmt"
	"strings"
	"testing"
)

// show formats a tree on one line, with the kinds of scalars and the place of every value.
func show(n *node) string {
	switch n.kind {
	case list:
		var items []string
		for _, item := range n.items {
			items = append(items, show(item))
		}
		return "[" + strings.Join(items, " ") + "]"
	case object:
		var members []string
		for _, e := range hermetic().entries(n, "") {
			members = append(members, fmt.Sprintf("%s@%d:%d=%s", e.key.text, e.key.line, e.key.column, show(e.value)))
		}
		return "{" + strings.Join(members, " ") + "}"
	}
	return fmt.Sprintf("%s(%q)", strings.ReplaceAll(n.kind.String(), "a ", ""), n.text)
}

func TestTrees(t *testing.T) {
	for text, want := range map[string]string{
		"a: {b: [1, x]}":                             `{a@1:1={b@1:5=[whole number("1") text("x")]}}`,
		"{\"a\": {\"b\": [1, \"x\"]}}":               `{a@1:2={b@1:8=[whole number("1") text("x")]}}`,
		"a: &x {b: 1}\nc: *x\n":                      `{a@1:1={b@1:8=whole number("1")} c@2:1={b@1:8=whole number("1")}}`,
		"a: &x 1\nb: &x 2\nc: *x\n":                  `{a@1:1=whole number("1") b@2:1=whole number("2") c@3:1=whole number("2")}`,
		"a: &x {b: 1, c: 1}\nd:\n  <<: *x\n  b: 2\n": `{a@1:1={b@1:8=whole number("1") c@1:14=whole number("1")} d@2:1={b@4:3=whole number("2") c@1:14=whole number("1")}}`,
		"? a\n: b\n":                                 `{a@1:3=text("b")}`,
		"a: !!str 5\nb: !!int 6\n":                   `{a@1:1=text("5") b@2:1=whole number("6")}`,
		"\ufeffa: 1\r\nb: 'x\r\n  y'\r\nc: 2\r\n":    `{a@1:1=whole number("1") b@2:1=text("x y") c@4:1=whole number("2")}`,
		"a: |\n  x\n\n  y\nb: >-\n  x\n  y\n":        `{a@1:1=text("x\n\ny\n") b@5:1=text("x y")}`,
		"ä: 1\n'ö ö': {ü: 2}\n":                      `{ä@1:1=whole number("1") ö ö@2:1={ü@2:9=whole number("2")}}`,
		"# c\n---\na: b # c\n...\n":                  `{a@3:1=text("b")}`,
		"%YAML 1.2\n---\na: b\n":                     `{a@3:1=text("b")}`,
		"a: \"\\u00e9\\n\"\nb: 'it''s'":              `{a@1:1=text("é\n") b@2:1=text("it's")}`,
		"a: ${X:-y}\nb: \"${X}\"\n":                  `{a@1:1=text("${X:-y}") b@2:1=text("${X}")}`,
	} {
		root, err := parse([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := show(root); got != want {
			t.Errorf("%q is\n%s\nwant\n%s", text, got, want)
		}
	}
}

func TestPlainScalarKinds(t *testing.T) {
	for want, scalars := range map[kind]string{
		null:    "null Null NULL ~",
		boolean: "true True TRUE false False FALSE",
		integer: "0 10 -3 +4 012 0o14 0x1F",
		number:  "1.5 .5 5. 1e3 -1.2E-3 .inf -.INF .nan",
		text:    "yes no on off y n tRUE 1_000 0b1 1:30 10s 2001-01-01 0x 1.2.3 -",
	} {
		for s := range strings.FieldsSeq(scalars) {
			if got := plainKind(s); got != want {
				t.Errorf("%s is %s, want %s", s, got, want)
			}
		}
	}
	for s, want := range map[string]int{"012": 12, "0o14": 12, "0x1F": 31, "+4": 4, "-3": -3} {
		if got, err := wholeNumber(s); err != nil || got != want {
			t.Errorf("%s = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestExpand(t *testing.T) {
	lookup := func(name string) (string, bool) {
		value, ok := map[string]string{"A": "a", "EMPTY": "", "DOLLARS": "${A}$$"}[name]
		return value, ok
	}
	for s, want := range map[string]string{
		"":                       "",
		"plain $ and $A and {A}": "plain $ and $A and {A}",
		"${A}":                   "a",
		"x${A}y${A}z":            "xayaz",
		"${EMPTY}":               "",
		"${EMPTY:-b}":            "b",
		"${ABSENT:-b}":           "b",
		"${ABSENT:-}":            "",
		"${A:-b}":                "a",
		"${ABSENT:-a:-b $c}":     "a:-b $c",
		"$${A}":                  "${A}",
		"$$${A}":                 "$${A}",
		"${DOLLARS}":             "${A}$$",
		`{"$or": [{"a": [1]}]}`:  `{"$or": [{"a": [1]}]}`,
	} {
		if got, err := expand(s, lookup); err != nil || got != want {
			t.Errorf("%s becomes %q, %v; want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"${", "${A", "${}", "${1}", "${A B}", "${ABSENT}", "${A-b}", "${A:=b}", "${A:?b}", "${A:-${A}}", "${A}${"} {
		if got, err := expand(s, lookup); err == nil {
			t.Errorf("%s becomes %q, want an error", s, got)
		}
	}
}

func FuzzExpand(f *testing.F) {
	f.Add("a${A}b$${c${D:-e}", "${A}")
	f.Fuzz(func(t *testing.T, s, value string) {
		got, err := expand(s, func(string) (string, bool) { return value, true })
		if err == nil && !strings.Contains(s, "${") && got != s {
			t.Errorf("%q becomes %q", s, got)
		}
		if err != nil && len(value) > 8 && !strings.Contains(s, value) && strings.Contains(err.Error(), value) {
			t.Errorf("the error contains the value: %v", err)
		}
	})
}

func TestNearest(t *testing.T) {
	words := []string{"BatchSize", "Enabled", "UUID", "Region", "Tags"}
	for s, want := range map[string]string{
		"batchsize": "BatchSize", "BatchSzie": "BatchSize", "BatchSizes": "BatchSize", "uuid": "UUID", "Regoin": "Region",
		"UID": "UUID", "Tag": "Tags", "Size": "", "Foo": "", "": "", "Batch": "", "TTTT": "",
	} {
		if got := nearest(s, words); got != want {
			t.Errorf("%q is nearest to %q, want %q", s, got, want)
		}
	}
}
