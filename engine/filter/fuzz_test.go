package filter_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/esm-run/esm/engine/filter"
)

func seedPatterns(f *testing.F, add func(pattern string)) {
	for _, o := range operators {
		if o.alternatives != "" {
			add(`{"body":{"k":[` + o.alternatives + `]}}`)
		}
		for _, i := range o.invalid {
			add(`{"k":[` + i + `]}`)
		}
	}
	add(`{"body":{"lines":{"sku":["sku-00037"],"quantity":[{"numeric":[">",1]}]}}}`)
	add(`{"$or":[{"a":[1],"b.c":[{"exists":false}]},{"body":["x"]}],"d":{"$or":[{"a":[1]},{"b":[2]}]}}`)
}

func FuzzCompile(f *testing.F) {
	seedPatterns(f, func(p string) { f.Add(p) })
	f.Fuzz(func(t *testing.T, pattern string) {
		compiled, err := filter.Compile([]string{pattern}, "body")
		if err != nil {
			if bad, ok := errors.AsType[*filter.PatternError](err); !ok || bad.Reason == "" {
				t.Errorf("%q: %#v, want a PatternError with a reason", pattern, err)
			}
			return
		}
		if p := strings.TrimSpace(pattern); !json.Valid([]byte(p)) || p[0] != '{' || utf8.RuneCountInString(pattern) > 4096 {
			t.Errorf("%q was compiled", pattern)
		}
		for _, v := range []string{`{}`, `{"body":"x"}`, `{"body":"{\"k\":1}"}`, `{"body":{"k":["a",[{}]]}}`} {
			compiled.Match([]byte(v))
		}
	})
}

func FuzzMatch(f *testing.F) {
	views := []string{`{"body":"x"}`, `{"a":1,"body":"{\"k\":[1,{\"k\":\"v\"}]}"}`, string(message(order(200))), `{"body":"[{\"k\":1},[{\"k\":2}]]"}`,
		`{"a":[{"b":1,"c":2},{"b.c":[null,true]}],"body":"{\"k\":1,\"k\":2}"}`}
	seedPatterns(f, func(p string) {
		for _, v := range views {
			f.Add(p, v)
		}
	})
	f.Fuzz(func(t *testing.T, pattern, view string) {
		compiled, err := filter.Compile([]string{pattern}, "body")
		if err != nil || len(pattern) > 400 || len(view) > 2000 {
			return
		}
		got := compiled.Match([]byte(view))
		if !json.Valid([]byte(view)) {
			if !got {
				t.Errorf("view %q is not JSON and did not match", view)
			}
			return
		}
		if !comparable(pattern, view) {
			return
		}
		if want := refMatch([]string{pattern}, "body", []byte(view)); got != want {
			t.Errorf("Match = %v, want %v\npattern %s\nview %s", got, want, pattern, view)
		}
	})
}

// comparable reports whether the reference supports a pattern and a view: valid UTF-8, a record that is an object, no keys
// with dots (which spell a path through arrays in two ways), and few enough combinations and values to try them all.
func comparable(pattern, view string) bool {
	if !utf8.ValidString(pattern) || !utf8.ValidString(view) {
		return false
	}
	var p, text any
	var record map[string]any
	if json.Unmarshal([]byte(view), &record) != nil {
		return false
	}
	decode([]byte(pattern), &p)
	if body, ok := record["body"].(string); ok && json.Valid([]byte(body)) {
		decode([]byte(body), &text)
	}
	return !hasDots(p) && !hasDots(record) && !hasDots(text) && strings.Count(pattern, "$or") < 5 &&
		strings.Count(pattern, ":") < 20 && strings.Count(view, ":")+strings.Count(view, ",") < 60
}

func hasDots(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, v := range v {
			if strings.Contains(key, ".") || hasDots(v) {
				return true
			}
		}
	case []any:
		for _, v := range v {
			if hasDots(v) {
				return true
			}
		}
	}
	return false
}
