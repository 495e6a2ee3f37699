package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/esm-run/esm/engine/filter"
)

// operators lists alternatives of patterns {"k": [alternatives]}, values of "k" that match and that do not, and
// alternatives that are invalid. An empty value is a record without "k".
var operators = []struct {
	name         string
	alternatives string
	match        []string
	not          []string
	invalid      []string
}{
	{"equals string", `"v"`, []string{`"v"`, `["x","v"]`, `"\u0076"`}, []string{`"V"`, `" v"`, `""`, `1`, `null`, ``, `{}`}, nil},
	{"equals escaped string", `"\u00e9\n\ud83d\ude00"`, []string{`"é\n😀"`, `"\u00E9\u000a😀"`}, []string{`"é\\n😀"`}, nil},
	{"equals number", `300`, []string{`300`, `300.0`, `3.0e2`, `3E+2`, `30000e-2`}, []string{`"300"`, `3`, `-300`, `null`, `[]`}, nil},
	{"equals zero", `0`, []string{`0`, `-0`, `0.000`, `0e9`}, []string{`1`, `1e-400`, `false`, `""`}, nil},
	{"equals fraction", `0.1`, []string{`0.1`, `0.10`, `1e-1`}, []string{`0.1000000000000000055511151231257827`, `0.11`}, nil},
	{"equals number that a double does not hold", `9007199254740993`, []string{`9007199254740993`},
		[]string{`9007199254740992`, `9007199254740993.0`, `9007199254740994`}, nil},
	{"equals true", `true`, []string{`true`}, []string{`false`, `"true"`, `1`, ``}, nil},
	{"equals false", `false`, []string{`false`}, []string{`true`, `"false"`, `0`, `null`, ``}, nil},
	{"equals, one of many", `1,"a",null`, []string{`1`, `"a"`, `null`}, []string{`2`, `"b"`, ``}, nil},
	{"equals, one of a list of strings", `"a","b","c","d","e","f","g","h","i",7`, []string{`"a"`, `"i"`, `7`}, []string{`"j"`, `8`}, nil},
	{"no array", ``, nil, nil, []string{`"v"`, `1`, `true`, `null`, `{}`, `[]`, `[[]]`, `[["v"]]`, `[{}]`, `[{"nothing":1}]`, `[{"PREFIX":"a"}]`,
		`[{"prefix":"a","suffix":"b"}]`, `[{"prefix":"a","prefix":"a"}]`}},
	{"null", `null`, []string{`null`, `[null]`}, []string{`"null"`, `[]`, `""`, `0`, `false`, ``, `{}`}, nil},
	{"empty string", `""`, []string{`""`}, []string{`" "`, `null`, `[]`, ``}, nil},
	{"exists", `{"exists":true}`, []string{`1`, `null`, `""`, `false`, `[1]`, `[[null]]`}, []string{``, `{}`, `[]`, `{"x":1}`, `[{}]`, `[[]]`},
		[]string{`{"exists":"true"}`, `{"exists":1}`, `{"exists":null}`, `{"exists":[true]}`}},
	{"not exists", `{"exists":false}`, []string{``, `{}`, `[]`, `{"x":1}`, `[{"x":1}]`}, []string{`1`, `null`, `""`, `[null]`, `[{},1]`}, nil},
	{"not exists, or a value", `{"exists":false},"v"`, []string{``, `"v"`, `[]`}, []string{`"w"`, `null`}, nil},
	{"prefix", `{"prefix":"a"}`, []string{`"a"`, `"ab"`, `["x","ab"]`}, []string{`"A"`, `"ba"`, `""`, `null`, `1`, ``},
		[]string{`{"prefix":1}`, `{"prefix":["a"]}`, `{"prefix":null}`, `{"prefix":{}}`, `{"prefix":{"suffix":"a"}}`}},
	{"prefix, empty", `{"prefix":""}`, []string{`""`, `"a"`}, []string{`1`, `null`, ``}, nil},
	{"prefix, ignoring case", `{"prefix":{"equals-ignore-case":"AÉ"}}`, []string{`"aé"`, `"Aéx"`}, []string{`"ae"`, `"a"`, `null`, ``},
		[]string{`{"prefix":{"equals-ignore-case":1}}`, `{"prefix":{"equals-ignore-case":["a"]}}`,
			`{"prefix":{"equals-ignore-case":"a","prefix":"a"}}`}},
	{"suffix", `{"suffix":".png"}`, []string{`"a.png"`, `".png"`}, []string{`"a.PNG"`, `"png"`, `".png "`, `null`, ``},
		[]string{`{"suffix":1}`, `{"suffix":[".png"]}`, `{"suffix":{"prefix":"a"}}`}},
	{"suffix, empty", `{"suffix":""}`, []string{`""`, `"a"`}, []string{`1`, `null`, ``}, nil},
	{"suffix, ignoring case", `{"suffix":{"equals-ignore-case":".PNG"}}`, []string{`"a.png"`, `".pNg"`}, []string{`"a.pn"`, `""`, `1`, ``},
		[]string{`{"suffix":{"equals-ignore-case":1}}`}},
	{"equals-ignore-case", `{"equals-ignore-case":"aB"}`, []string{`"ab"`, `"AB"`, `"aB"`}, []string{`"abc"`, `"a"`, `""`, `null`, ``},
		[]string{`{"equals-ignore-case":["a"]}`, `{"equals-ignore-case":{"prefix":"a"}}`, `{"equals-ignore-case":1}`}},
	{"equals-ignore-case, k", `{"equals-ignore-case":"k"}`, []string{`"K"`}, []string{`"\u212a"`}, nil},
	{"equals-ignore-case, empty", `{"equals-ignore-case":""}`, []string{`""`}, []string{`"a"`, `null`, ``}, nil},
	{"numeric =", `{"numeric":["=",5]}`, []string{`5`, `5.0`, `0.5e1`}, []string{`"5"`, `6`, `null`, ``}, []string{`{"numeric":["=","5"]}`,
		`{"numeric":["=",9007199254740993]}`, `{"numeric":["=",1e400]}`}},
	{"numeric <", `{"numeric":["<",100]}`, []string{`99`, `-1e300`}, []string{`100`, `101`, `1e400`, `"99"`}, nil},
	{"numeric <=", `{"numeric":["<=",100]}`, []string{`99`, `100`}, []string{`100.5`}, nil},
	{"numeric >", `{"numeric":[">",100]}`, []string{`101`, `9007199254740993`}, []string{`100`, `99`, `null`, `"300"`}, nil},
	{"numeric >=", `{"numeric":[">=",100]}`, []string{`100`, `1e2`}, []string{`99`}, nil},
	{"numeric range", `{"numeric":[">=",100,"<",200]}`, []string{`100`, `199.5`, `[1,150]`}, []string{`200`, `99`, `"150"`},
		[]string{`{"numeric":5}`, `{"numeric":"=5"}`, `{"numeric":[]}`, `{"numeric":[">"]}`, `{"numeric":[5]}`, `{"numeric":[5,">"]}`,
			`{"numeric":[">",0,">",0]}`, `{"numeric":["<",5,">",0]}`, `{"numeric":["<",5,"<",6]}`, `{"numeric":["=",5,"<",6]}`,
			`{"numeric":[">",0,"=",6]}`, `{"numeric":[">",0,"<"]}`, `{"numeric":["==",5]}`, `{"numeric":["!=",5]}`,
			`{"numeric":[">",5,"<",5]}`, `{"numeric":[">",0,"<",5,"<",6]}`, `{"numeric":[">",null]}`, `{"NUMERIC":["=",5]}`}},
	{"anything-but string", `{"anything-but":"x"}`, []string{`"y"`, `"X"`, `null`, `1`, `true`, `["x","y"]`}, []string{`"x"`, `["x"]`, ``, `{}`, `[]`},
		[]string{`{"anything-but":null}`, `{"anything-but":true}`, `{"anything-but":[]}`, `{"anything-but":["x",1]}`, `{"anything-but":[1,"x"]}`,
			`{"anything-but":["x",null]}`, `{"anything-but":[true]}`, `{"anything-but":[["x"]]}`, `{"anything-but":{}}`,
			`{"anything-but":{"numeric":["=",1]}}`, `{"anything-but":{"exists":true}}`, `{"anything-but":[{"prefix":"x"}]}`}},
	{"anything-but number", `{"anything-but":5}`, []string{`6`, `"5"`, `null`}, []string{`5`, `5.0`, ``}, []string{`{"anything-but":9007199254740993}`}},
	{"anything-but strings", `{"anything-but":["x","y"]}`, []string{`"z"`, `""`, `false`}, []string{`"x"`, `"y"`, ``}, nil},
	{"anything-but numbers", `{"anything-but":[1,2]}`, []string{`0`, `"1"`, `12`}, []string{`1`, `2e0`, ``}, nil},
	{"anything-but prefix", `{"anything-but":{"prefix":"x"}}`, []string{`"ax"`, `""`, `null`, `1`}, []string{`"x"`, `"xa"`, ``},
		[]string{`{"anything-but":{"prefix":""}}`, `{"anything-but":{"prefix":1}}`, `{"anything-but":{"prefix":["a",1]}}`,
			`{"anything-but":{"prefix":[]}}`, `{"anything-but":{"prefix":["a",""]}}`,
			`{"anything-but":{"prefix":{"equals-ignore-case":"x"}}}`, `{"anything-but":{"prefix":"x","suffix":"y"}}`}},
	{"anything-but prefixes", `{"anything-but":{"prefix":["x","y"]}}`, []string{`"z"`, `1`}, []string{`"xa"`, `"y"`, ``}, nil},
	{"anything-but suffix", `{"anything-but":{"suffix":"x"}}`, []string{`"xa"`, `""`, `null`, `1`}, []string{`"x"`, `"ax"`, ``},
		[]string{`{"anything-but":{"suffix":""}}`, `{"anything-but":{"suffix":[1]}}`, `{"anything-but":{"suffix":{"equals-ignore-case":"x"}}}`}},
	{"anything-but suffixes", `{"anything-but":{"suffix":["x","y"]}}`, []string{`"z"`}, []string{`"ax"`, `"y"`}, nil},
	{"anything-but equals-ignore-case", `{"anything-but":{"equals-ignore-case":["a","b"]}}`, []string{`"c"`, `null`, `1`, `"ab"`}, []string{`"A"`, `"b"`, ``},
		[]string{`{"anything-but":{"equals-ignore-case":1}}`, `{"anything-but":{"equals-ignore-case":["a",1]}}`}},
	{"anything-but wildcard", `{"anything-but":{"wildcard":"*/x/*"}}`, []string{`"/x"`, `null`, `1`}, []string{`"a/x/b"`, `"/x/"`, ``},
		[]string{`{"anything-but":{"wildcard":1}}`, `{"anything-but":{"wildcard":["a",1]}}`, `{"anything-but":{"wildcard":"**"}}`}},
	{"anything-but wildcards, one empty", `{"anything-but":{"wildcard":["","a*"]}}`, []string{`"b"`, `1`}, []string{`""`, `"a"`, ``}, nil},
	{"wildcard", `{"wildcard":"a*b"}`, []string{`"ab"`, `"a*b"`, `"axb"`, `"abab"`, `"aéb"`}, []string{`"a"`, `"b"`, `"abx"`, `"xab"`, `"AB"`, `1`, `null`, ``},
		[]string{`{"wildcard":1}`, `{"wildcard":["a*"]}`, `{"wildcard":"a**b"}`, `{"wildcard":"a\\b"}`, `{"wildcard":"a\\"}`,
			`{"wildcard":"*:*:*:*:*:event-bus/*"}`, `{"wildcard":"*aaaaaaaaaaa"}`, `{"wildcard":{"prefix":"a"}}`}},
	{"wildcard, overlapping ends", `{"wildcard":"aba*aba"}`, []string{`"abaaba"`, `"abaxaba"`}, []string{`"aba"`, `"ababa"`}, nil},
	{"wildcard, many", `{"wildcard":"*a*b*c*d*e*f*g*h*i"}`, []string{`"abcdefghi"`, `"xxaxxbcdefghhi"`}, []string{`"abcdefgih"`}, nil},
	{"wildcard, escapes", `{"wildcard":"\\**\\\\"}`, []string{`"*\\"`, `"*x\\"`}, []string{`"x\\"`, `"*"`}, nil},
	{"wildcard, empty", `{"wildcard":""}`, []string{`""`}, []string{`"a"`, `null`, ``}, nil},
	{"wildcard, anything", `{"wildcard":"*"}`, []string{`""`, `"a"`}, []string{`1`, `null`, ``}, nil},
	{"cidr", `{"cidr":"10.0.0.0/24"}`, []string{`"10.0.0.0"`, `"10.0.0.255"`}, []string{`"10.0.1.0"`, `"10.0.0"`, `"10.0.0.0/24"`, `"x"`, `""`, `10`, `null`, ``},
		[]string{`{"cidr":"10.0.0.0"}`, `{"cidr":"10.0.0.0/33"}`, `{"cidr":"10.0.0.0/"}`, `{"cidr":"10.0.0.0/x"}`, `{"cidr":"10.0.0/24"}`,
			`{"cidr":"10.0.0.256/24"}`, `{"cidr":["10.0.0.0/24"]}`, `{"cidr":10}`, `{"cidr":"10.0.0.0/32"}`, `{"cidr":"::/129"}`, `{"cidr":"xx::/64"}`}},
	{"cidr, host bits", `{"cidr":"10.0.0.99/24"}`, []string{`"10.0.0.1"`}, []string{`"10.0.1.99"`}, nil},
	{"cidr, IPv6", `{"cidr":"2001:db8::/32"}`, []string{`"2001:db8::1"`, `"2001:0DB8:0:0:0:0:0:1"`}, []string{`"2001:db9::1"`, `"10.0.0.1"`, `"2001:db8::1%eth0"`}, nil},
}

func TestOperators(t *testing.T) {
	for _, o := range operators {
		t.Run(o.name, func(t *testing.T) {
			if o.alternatives != "" {
				f := compile(t, "", `{"k":[`+o.alternatives+`]}`)
				for _, v := range o.match {
					checkValue(t, f, v, true)
				}
				for _, v := range o.not {
					checkValue(t, f, v, false)
				}
			}
			for _, alternatives := range o.invalid {
				if o.alternatives != "" {
					alternatives = "[" + alternatives + "]"
				}
				refuse(t, `{"k":`+alternatives+`}`)
			}
		})
	}
}

func checkValue(t *testing.T, f *filter.Filter, v string, want bool) {
	t.Helper()
	record := `{"other":1}`
	if v != "" {
		record = `{"other":1,"k":` + v + `}`
	}
	if got := f.Match([]byte(record)); got != want {
		t.Errorf("Match(%s) = %v, want %v", record, got, want)
	}
}

// refuse checks that a pattern is refused with its index and a reason.
func refuse(t *testing.T, pattern string) {
	t.Helper()
	_, err := filter.Compile([]string{`{"good":[1]}`, pattern}, "body")
	bad, ok := errors.AsType[*filter.PatternError](err)
	if !ok {
		t.Errorf("Compile(%s): %v, want a PatternError", pattern, err)
		return
	}
	if bad.Index != 1 || bad.Reason == "" || !strings.Contains(err.Error(), "Filters[1]") {
		t.Errorf("Compile(%s): %#v, want index 1 and a reason", pattern, bad)
	}
}
