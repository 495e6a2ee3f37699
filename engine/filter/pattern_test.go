package filter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/engine/filter"
)

func TestNoPatterns(t *testing.T) {
	f, err := filter.Compile(nil, "body")
	if f != nil || err != nil {
		t.Fatalf("Compile(nil) = %v, %v, want nil, nil", f, err)
	}
	if !f.Match([]byte(`{}`)) || f.Undocumented() != nil {
		t.Error("a nil Filter must match and have nothing undocumented")
	}
}

func TestInvalidPatterns(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 1000) + `[1]` + strings.Repeat(`}`, 1000)
	for _, p := range []string{
		``, ` `, `null`, `text`, `"text"`, `5`, `[]`, `[{"a":[1]}]`, `{}`, `{"a":{}}`, `{"a":[1],"b":{"c":{}}}`, `{"a":[]}`, `{"a":"x"}`,
		`{"a":1}`, `{"a":null}`, `{"a":[1]`, `{"a":[1]} x`, `{"a":[1],}`, `{"a":[01]}`, `{'a':[1]}`,
		`{"$or":{}}`, `{"$or":[]}`, `{"$or":"x"}`, `{"$or":[{"a":[1]}]}`, `{"$or":[{"a":[1]},{}]}`, `{"$or":[{"a":[1]},1]}`, `{"$or":[{"a":[1]},["b"]]}`,
		`{"a":{"$or":[{"b":[1]}]}}`, `{"$or":[{"prefix":["a"]},{"b":[1]}]}`, `{"$or":[{"a":{"numeric":[1]}},{"b":[1]}]}`, `{"$or":[{"=":[1]},{"b":[1]}]}`,
		`{"a":["` + strings.Repeat("x", 4096-9) + `"]}`,
		"{" + manyOrs(10) + "}", `{"$or":[{` + manyOrs(9) + `},{` + manyOrs(9) + `}]}`,
		deep[:len(deep)-1],
	} {
		refuse(t, p)
	}
	for _, p := range []string{
		` {"a" : [ 1 ] } `, `{"a":["` + strings.Repeat("é", 4096-10) + `"]}`, `{"prefix":["a"]}`, `{"":[1]}`, `{"exists":{"exists":[{"exists":true}]}}`,
		"{" + manyOrs(9) + "}", strings.Repeat(`{"a":`, 600) + `[1]` + strings.Repeat(`}`, 600),
	} {
		compile(t, "body", p)
	}
}

// manyOrs returns n members with 2^n combinations.
func manyOrs(n int) string {
	var members []string
	for i := range n {
		members = append(members, `"k`+string(rune('a'+i))+`":{"$or":[{"a":[1]},{"b":[1]}]}`)
	}
	return strings.Join(members, ",")
}

func TestPatternErrorPath(t *testing.T) {
	for _, c := range []struct{ pattern, path, reason string }{
		{`null`, ``, `must be a JSON object`},
		{`{"a"`, ``, `not JSON`},
		{`{"body":{"type":"order"}}`, `body.type`, `must be an array`},
		{`{"body":{"type":[]}}`, `body.type`, `empty array`},
		{`{"body":{"a":{"b":{}}}}`, `body.a.b`, `empty object`},
		{`{"body":{"a":["x",{"prefix":1}]}}`, `body.a[1].prefix`, `must be a string, but is a number`},
		{`{"body":{"a":[{"numeric":[">",0,">",1]}]}}`, `body.a[0].numeric[2]`, `lower bound`},
		{`{"body":{"a":[{"anything-but":{"prefix":["a",""]}}]}}`, `body.a[0].anything-but.prefix[1]`, `empty string`},
		{`{"body":{"a":[{"begins-with":"a"}]}}`, `body.a[0]`, `"begins-with" is not an operator`},
		{`{"body":{"$or":[{"a":[1]},{"b":2}]}}`, `body.$or[1].b`, `must be an array`},
	} {
		_, err := filter.Compile([]string{c.pattern}, "body")
		bad, ok := errors.AsType[*filter.PatternError](err)
		if !ok || bad.Path != c.path && !strings.HasPrefix(bad.Path, c.path+".") || !strings.Contains(bad.Reason, c.reason) {
			t.Errorf("Compile(%s): %#v, want path %q and reason %q", c.pattern, err, c.path, c.reason)
		}
	}
}

func TestUndocumented(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{`{"body":{"a":["x",1,null,"",{"prefix":"a"},{"suffix":"a"},{"equals-ignore-case":"a"},{"exists":true},{"anything-but":["x"]},` +
			`{"numeric":[">",1]}],"$or":[{"b":[1]},{"c":[1]}]}}`, nil},
		{`{"body":{"a":[{"wildcard":"*"}]}}`, []string{"Filters[0].Pattern: at body.a[0].wildcard:"}},
		{`{"body":{"a":[{"cidr":"10.0.0.0/8"}]}}`, []string{"body.a[0].cidr:"}},
		{`{"body":{"a":[{"prefix":{"equals-ignore-case":"a"}}]}}`, []string{"body.a[0].prefix.equals-ignore-case:"}},
		{`{"body":{"a":[{"suffix":{"equals-ignore-case":"a"}}]}}`, []string{"body.a[0].suffix.equals-ignore-case:"}},
		{`{"body":{"a":[{"anything-but":{"prefix":"a"}}]}}`, []string{"body.a[0].anything-but.prefix:"}},
		{`{"body":{"a":[{"anything-but":{"wildcard":"*"}}]}}`, []string{"body.a[0].anything-but.wildcard:"}},
		{`{"eventSource":["aws:sqs"],"attributes":{"x":[1]}}`, []string{"at eventSource:", "at attributes:"}},
		{`{"$or":[{"body":["x"]},{"messageId":["x"]}]}`, []string{"at $or[1].messageId:"}},
		{`{"body":{"a":{"b":[1]},"a.b":[2]}}`, []string{`"body.a.b" is tested twice`}},
	} {
		got := compile(t, "body", c.pattern).Undocumented()
		if len(got) != len(c.want) || !slices.EqualFunc(got, c.want, strings.Contains) {
			t.Errorf("Undocumented of %s = %q, want %q", c.pattern, got, c.want)
		}
	}
	if got := compile(t, "", `{"eventName":["INSERT"],"dynamodb":{"x":[1]}}`).Undocumented(); got != nil {
		t.Errorf("Undocumented without a text key = %q, want none", got)
	}
}
