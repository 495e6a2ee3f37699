package filter_test

import (
	"strings"
	"testing"
)

func TestStructure(t *testing.T) {
	people := `[{"f":"Anna","l":"Smith"},{"f":"Peter","l":"Jones"}]`
	nested := `[{"t":[{"k":"color","v":"red"},{"k":"size","v":"blue"}]},{"t":[{"k":"color","v":"blue"}]}]`
	for _, c := range []struct {
		name, pattern, record string
		want                  bool
	}{
		{"different paths are ANDed", `{"a":[1],"b":[2]}`, `{"a":1,"b":3}`, false},
		{"keys are case-sensitive", `{"A":[1]}`, `{"a":1}`, false},
		{"a longer key is another key", `{"a":[1]}`, `{"ab":1}`, false},
		{"escaped key", `{"é":[1]}`, `{"\u00e9":1}`, true},
		{"empty key", `{"":{"a":[1]}}`, `{"":{"a":1}}`, true},
		{"a value is not looked into", `{"a":{"b":[1]}}`, `{"a":"{\"b\":1}"}`, false},

		{"$or, first branch", `{"$or":[{"a":[1]},{"b":[2]}]}`, `{"a":1}`, true},
		{"$or, second branch", `{"$or":[{"a":[1]},{"b":[2]}]}`, `{"b":2}`, true},
		{"$or, no branch", `{"$or":[{"a":[1]},{"b":[2]}]}`, `{"a":2,"b":1}`, false},
		{"$or, keys beside are ANDed", `{"c":[3],"$or":[{"a":[1]},{"b":[2]}]}`, `{"a":1}`, false},
		{"$or, keys beside hold", `{"c":[3],"$or":[{"a":[1]},{"b":[2]}]}`, `{"a":1,"c":3}`, true},
		{"$or, the path beside once more", `{"a":[1,2],"$or":[{"a":[2]},{"b":[2]}]}`, `{"a":1}`, false},
		{"$or, several keys of a branch", `{"$or":[{"a":[1],"b":[2]},{"c":[3]}]}`, `{"a":1,"b":1}`, false},
		{"$or, nested", `{"$or":[{"a":[1],"$or":[{"b":[2]},{"c":[3]}]},{"d":[4]}]}`, `{"a":1,"c":3}`, true},
		{"$or, nested, outer key fails", `{"$or":[{"a":[1],"$or":[{"b":[2]},{"c":[3]}]},{"d":[4]}]}`, `{"c":3}`, false},
		{"$or, deeper", `{"x":{"$or":[{"a":[1]},{"b":[2]}]}}`, `{"x":{"b":2}}`, true},
		{"$or, twice", `{"x":{"$or":[{"a":[1]},{"b":[2]}]},"y":{"$or":[{"a":[1]},{"b":[2]}]}}`, `{"x":{"b":2},"y":{"a":1}}`, true},
		{"$or, in one element", `{"e":{"$or":[{"f":["Anna"]},{"f":["Peter"]}],"l":["Jones"]}}`, `{"e":` + people + `}`, true},
		{"$or, not across elements", `{"e":{"$or":[{"f":["Anna"]},{"f":["Paul"]}],"l":["Jones"]}}`, `{"e":` + people + `}`, false},
		{"$or above the array, not across", `{"$or":[{"e":{"f":["Anna"],"l":["Jones"]}},{"x":[1]}]}`, `{"e":` + people + `}`, false},
		{"$or with absence", `{"$or":[{"a":[1]},{"b":[{"exists":false}]}]}`, `{"a":2}`, true},

		{"any element", `{"a":[2]}`, `{"a":[1,2,3]}`, true},
		{"any element of a nested array", `{"a":[2]}`, `{"a":[1,[3,[2]]]}`, true},
		{"no element", `{"a":[4]}`, `{"a":[1,2,[3]]}`, false},
		{"arrays of objects", `{"a":{"b":[2]}}`, `{"a":[{"b":1},{"b":2}]}`, true},
		{"arrays of arrays of objects", `{"a":{"b":[2]}}`, `{"a":[[{"b":1}],[{"b":2}]]}`, true},
		{"empty array", `{"a":[{"exists":true}]}`, `{"a":[]}`, false},
		{"the same element", `{"e":{"f":["Anna"],"l":["Smith"]}}`, `{"e":` + people + `}`, true},
		{"different elements", `{"e":{"f":["Anna"],"l":["Jones"]}}`, `{"e":` + people + `}`, false},
		{"different arrays", `{"e":{"f":["Anna"]},"g":{"l":["Jones"]}}`, `{"e":` + people + `,"g":` + people + `}`, true},
		{"different elements, nested arrays", `{"u":{"t":{"k":["size"],"v":["red"]}}}`, `{"u":` + nested + `}`, false},
		{"the same element, nested arrays", `{"u":{"t":{"k":["size"],"v":["blue"]}}}`, `{"u":` + nested + `}`, true},
		{"the outer element too", `{"u":{"n":[1],"t":{"k":["x"]}}}`, `{"u":[{"n":1,"t":[{"k":"y"}]},{"n":2,"t":[{"k":"x"}]}]}`, false},
		{"values of an array in one element", `{"u":{"n":[1],"t":["y"]}}`, `{"u":[{"n":2,"t":["y"]},{"n":1,"t":["x","y"]}]}`, true},
		{"different arrays in one element", `{"u":{"a":{"x":[1]},"b":{"x":[2]}}}`, `{"u":[{"a":[{"x":0},{"x":1}],"b":[{"x":2}]}]}`, true},
		{"nested arrays are elements", `{"e":{"f":[1],"l":[2]}}`, `{"e":[[{"f":1}],[{"l":2}]]}`, false},
		{"a value in the array goes with any", `{"e":["x"],"e.f":[1]}`, `{"e":["x",{"f":1}]}`, true},

		{"absent from the element", `{"e":{"a":["x"],"b":[{"exists":false}]}}`, `{"e":[{"a":"y","b":1},{"a":"x"}]}`, true},
		{"not absent from the element", `{"e":{"a":["x"],"b":[{"exists":false}]}}`, `{"e":[{"a":"x","b":1},{"a":"y"}]}`, false},
		{"absent from all elements", `{"e":{"b":[{"exists":false}]}}`, `{"e":[{"a":1},{"a":2}]}`, true},
		{"not absent from all elements", `{"e":{"b":[{"exists":false}]}}`, `{"e":[{"a":1},{"b":2}]}`, false},
		{"absence that comes first in the alphabet", `{"e":{"a":[{"exists":false}],"b":["x"]}}`, `{"e":[{"a":1},{"b":"x"}]}`, false},
		{"absent from an inner array", `{"e":{"a":["x"],"i":{"b":[{"exists":false}]}}}`, `{"e":[{"a":"x","i":[{"c":1}]},{"i":[{"b":1}]}]}`, true},
		{"absent or equal, in the element", `{"e":{"a":["x"],"b":[{"exists":false},1]}}`, `{"e":[{"a":"x","b":2},{"a":"x","b":1}]}`, true},
		{"absent beside a value that chooses the element", `{"e":[{"exists":true}],"e.a":[{"exists":false}]}`, `{"e":[{"a":1},[3]]}`, true},
		{"the same with a value in the array itself", `{"e":[{"exists":true}],"e.a":[{"exists":false}]}`, `{"e":[3,{"a":1},[3]]}`, true},
		{"the same further inside", `{"e":[{"exists":true}],"e.a":[{"exists":false}]}`, `{"e":[[[3,3],{"a":1},1],3]}`, true},
		{"the same without an element to choose", `{"e":[{"exists":true}],"e.a":[{"exists":false}]}`, `{"e":[3,{"a":1},{"b":3}]}`, false},
		{"absent, with a parent missing", `{"a":{"b":{"c":[{"exists":false}]}}}`, `{"x":1}`, true},
		{"absent, with a value for a parent", `{"a":{"b":[{"exists":false}]}}`, `{"a":1}`, true},

		{"dots in the pattern", `{"a.b":["x"]}`, `{"a":{"b":"x"}}`, true},
		{"dots in the record", `{"a":{"b":["x"]}}`, `{"a.b":"x"}`, true},
		{"dots in both", `{"a.b":{"c":["x"]}}`, `{"a":{"b.c":"x"}}`, true},
		{"dots, other values", `{"a.b":["x"]}`, `{"a":{"b":"y"}}`, false},
		{"dots, both spellings", `{"a":{"b":["x"],"c":["y"]}}`, `{"a":{"c":"y"},"a.b":"x"}`, true},
		{"dots, in one element", `{"a":{"b":["x"],"c":["y"]}}`, `{"a":[{"c":"y"}],"a.b":"x"}`, true},

		{"repeated key in the record, last", `{"a":[2]}`, `{"a":1,"a":2}`, true},
		{"repeated key in the record, first", `{"a":[1]}`, `{"a":1,"a":2}`, false},
		{"repeated key in the record, absence", `{"a":{"b":[{"exists":false}]}}`, `{"a":{"b":1},"a":{}}`, true},
		{"repeated key in an element", `{"a":{"b":[1]}}`, `{"a":[{"b":1,"b":3,"b":2},{"b":4}]}`, false},
		{"repeated key with an array", `{"a":{"b":[1]}}`, `{"a":[{"b":1}],"a":[{"b":2}]}`, false},
		{"repeated key in the pattern", `{"a":[1],"a":[2]}`, `{"a":2}`, true},
		{"repeated key in the pattern, first", `{"a":[1],"a":[2]}`, `{"a":1}`, false},

		{"record is an array", `{"a":[1]}`, `[{"a":1}]`, true},
		{"record is a value", `{"a":[1]}`, `5`, false},
		{"record is not JSON", `{"a":[1]}`, `{"a":2`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compile(t, "", c.pattern).Match([]byte(c.record)); got != c.want {
				t.Errorf("pattern %s, record %s: %v, want %v", c.pattern, c.record, got, c.want)
			}
			// The same record as the text of a message.
			p := `{"body":` + c.pattern + `}`
			if !strings.HasSuffix(c.name, "not JSON") {
				if got := compile(t, "body", p).Match(message(c.record)); got != c.want {
					t.Errorf("pattern %s, body %s: %v, want %v", p, c.record, got, c.want)
				}
			}
		})
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		name, pattern, body string
		want                bool
	}{
		{"not JSON, on the text, equal", `{"body":["stop"]}`, `stop`, true},
		{"not JSON, on the text, different", `{"body":["stop"]}`, `go`, false},
		{"not JSON, on the text, escapes", `{"body":["say \"stop\"\n"]}`, "say \"stop\"\n", true},
		{"not JSON, on the text, prefix", `{"body":[{"prefix":"Result: "}]}`, `Result: fine`, true},
		{"not JSON, on the text, exists", `{"body":[{"exists":true}]}`, `stop`, true},
		{"not JSON, on the text, not exists", `{"body":[{"exists":false}]}`, `stop`, false},
		{"not JSON, into the text", `{"body":{"a":[1]}}`, `stop`, false},
		{"not JSON, into the text, absence", `{"body":{"a":[{"exists":false}]}}`, `stop`, false},
		{"not JSON but nearly", `{"body":{"a":[1]}}`, `{"a":1`, false},
		{"not JSON after all", `{"body":{"a":[1]}}`, `{"a":1} x`, false},
		{"not JSON after an array", `{"body":{"a":{"b":[1]}}}`, `{"a":[{"b":1}]`, false},
		{"not JSON, other key", `{"messageId":["7c1f0f6e-2d0b-4a54-9a3e-0f6d8b1c2a11"]}`, `stop`, true},
		{"not JSON, other key and into the text", `{"eventSource":["aws:sqs"],"body":{"a":[1]}}`, `stop`, false},
		{"JSON, on the text", `{"body":["{}"]}`, `{}`, false},
		{"JSON number, on the text", `{"body":["5"]}`, `5`, false},
		{"JSON number, on the text as number", `{"body":[5]}`, `5`, false},
		{"JSON, on the text, exists", `{"body":[{"exists":true}]}`, `{}`, false},
		{"JSON, on the text, not exists", `{"body":[{"exists":false}]}`, `{}`, false},
		{"JSON, on the text, values of an array", `{"body":[5]}`, `[5]`, false},
		{"JSON, into the text", `{"body":{"a":[1]}}`, ` {"a": 1} `, true},
		{"JSON, into the text, different", `{"body":{"a":[1]}}`, `{"a":2}`, false},
		{"JSON, into the text by a dot", `{"body.a":[1]}`, `{"a":1}`, true},
		{"JSON, other key", `{"eventSource":["aws:sqs"]}`, `{"a":1}`, true},
		{"JSON, other key and into the text", `{"eventSource":["aws:sqs"],"body":{"a":[1]}}`, `{"a":1}`, true},
		{"JSON, on the text or into it", `{"$or":[{"body":["stop"]},{"body":{"a":[1]}}]}`, `{"a":1}`, true},
		{"not JSON, on the text or into it", `{"$or":[{"body":["stop"]},{"body":{"a":[1]}}]}`, `stop`, true},
		{"not JSON, into the text or another key", `{"$or":[{"body":{"a":[1]}},{"eventSource":["aws:sqs"]}]}`, `stop`, true},
		{"JSON number, into the text", `{"body":{"a":[1]}}`, `5`, false},
		{"JSON number, into the text, absence", `{"body":{"a":[{"exists":false}]}}`, `5`, true},
		{"JSON string, into the text, absence", `{"body":{"a":[{"exists":false}]}}`, `"x"`, true},
		{"JSON null, into the text, absence", `{"body":{"a":[{"exists":false}]}}`, `null`, true},
		{"JSON array, into the text", `{"body":{"a":[1]}}`, `[{"a":2},{"a":1}]`, true},
		{"JSON array, across elements", `{"body":{"a":[1],"b":[2]}}`, `[{"a":1},{"b":2}]`, false},
		{"JSON array of values, absence", `{"body":{"a":[{"exists":false}]}}`, `[1,2]`, true},
		{"JSON in JSON stays a string", `{"body":{"Message":{"a":[1]}}}`, `{"Message":"{\"a\":1}"}`, false},
		{"JSON in JSON as a string", `{"body":{"Message":["{\"a\":1}"]}}`, `{"Message":"{\"a\":1}"}`, true},
		{"too deep", `{"body":{"a":[{"exists":false}]}}`, strings.Repeat("[", 10001) + strings.Repeat("]", 10001), false},
		{"just not too deep", `{"body":{"a":[{"exists":false}]}}`, strings.Repeat("[", 10000) + strings.Repeat("]", 10000), true},
		{"deep value", `{"body":{"a":[1]}}`, `{"a":` + strings.Repeat("[", 9000) + "1" + strings.Repeat("]", 9000) + `}`, true},
		{"far too deep", `{"body":{"a":[1]}}`, strings.Repeat(`{"a":`, 200000), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := compile(t, "body", c.pattern).Match(message(c.body)); got != c.want {
				t.Errorf("pattern %s: %v, want %v", c.pattern, got, c.want)
			}
		})
	}
}

func TestTextOtherThanAString(t *testing.T) {
	for _, c := range []struct {
		pattern, view string
		want          bool
	}{
		{`{"data":[{"exists":false}]}`, `{}`, true},
		{`{"data":{"a":[{"exists":false}]}}`, `{}`, true},
		{`{"data":{"a":[1]}}`, `{"data":{"a":1}}`, true},
		{`{"data":[5]}`, `{"data":5}`, true},
		{`{"data":["\u00e9"]}`, `{"data":"é"}`, true},
		{`{"data":{"a":[1]}}`, `{"data":"{\"a\":2}","data":"{\"a\":1}"}`, true},
		{`{"data":{"a":[2]}}`, `{"data":"{\"a\":2}","data":"{\"a\":1}"}`, false},
		{`{"data":{"a":["x"]}}`, "{\"data\":\"{\\\"a\\\":\\\"x\\\",\\\"b\\\":\\\"\xff\\\"}\"}", false},
	} {
		if got := compile(t, "data", c.pattern).Match([]byte(c.view)); got != c.want {
			t.Errorf("pattern %s, view %s: %v, want %v", c.pattern, c.view, got, c.want)
		}
	}
}

func TestFiltersAreORed(t *testing.T) {
	f := compile(t, "body", `{"body":["stop"]}`, `{"body":{"a":[1]}}`, `{"body":{"b":[2]}}`)
	for body, want := range map[string]bool{`stop`: true, `go`: false, `{"a":1}`: true, `{"b":2}`: true, `{"a":2,"b":1}`: false} {
		if got := f.Match(message(body)); got != want {
			t.Errorf("body %s: %v, want %v", body, got, want)
		}
	}
}

// Records that take a backtracking matcher exponential time, or that exhaust the stack. The test times out if one does.
func TestMatchIsNotExponential(t *testing.T) {
	long := strings.Repeat("ab", 100000)
	arrays := `{` + strings.Repeat(`"k":[`+strings.Repeat(`{"x":1},`, 100)+`{"x":1}],`, 1)
	for i := range 9 {
		arrays += `"` + string(rune('a'+i)) + `":[` + strings.Repeat(`{"x":1},`, 300) + `{"x":1}],`
	}
	arrays += `"z":2}`
	pattern := `{`
	for i := range 9 {
		pattern += `"` + string(rune('a'+i)) + `":{"x":[1]},`
	}
	for _, c := range []struct {
		pattern, body string
		want          bool
	}{
		{`{"body":{"a":[{"wildcard":"*a*ba*bb*x"}]}}`, `{"a":"` + long + `"}`, false},
		{`{"body":{"a":[{"anything-but":{"wildcard":["*a*b*c","*b*a*x"]}}]}}`, `{"a":"` + long + `"}`, true},
		{`{"body":` + pattern + `"z":[1]}}`, arrays, false},
		{`{"body":` + pattern + `"z":[2]}}`, arrays, true},
		{`{"body":{"a":[1],"b":[{"exists":false}]}}`, strings.Repeat(`[{"b":1},`, 4000) + `{"a":1}` + strings.Repeat(`]`, 4000), true},
		{`{"body":{"a":[1],"a.b":[{"exists":false}]}}`, `{"a":` + strings.Repeat(`[1,{"b":1},`, 4000) + `{"b":1}` + strings.Repeat(`]`, 4000) + `}`, false},
		{`{"body":{"a":[1],"a.b":[{"exists":false}]}}`, `{"a":` + strings.Repeat(`[1,{"b":1},`, 4000) + `[1]` + strings.Repeat(`]`, 4000) + `}`, true},
		{`{"body":{"a":[2],"b":[{"exists":false}]}}`, strings.Repeat(`[{"a":1},`, 4000) + `{"a":1}` + strings.Repeat(`]`, 4000), false},
		{`{"body":{"` + strings.Repeat("a.", 700) + `a":[1]}}`, `{"a":` + strings.Repeat(`{"a":`, 700) + `1` + strings.Repeat(`}`, 700) + `,"` + strings.Repeat("a.", 700) + `a":1}`, true},
	} {
		if got := compile(t, "body", c.pattern).Match(message(c.body)); got != c.want {
			t.Errorf("pattern %.80s: %v, want %v", c.pattern, got, c.want)
		}
	}
}
