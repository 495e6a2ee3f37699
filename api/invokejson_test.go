package api

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	parseText = "Could not parse request body into json: Could not parse payload into json: "
	redacted  = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
)

func TestPayloadsThatAreNotJSON(t *testing.T) {
	tests := []struct{ payload, want string }{
		{"\"\x87", "Invalid UTF-8 start byte 0x87\n at " + redacted + "line: 1, column: 3]"},
		{"\x99", "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or " +
			"token 'null', 'true' or 'false')\n at " + redacted + "line: 1, column: 1]"},
		{"test", "Unrecognized token 'test': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or " +
			"'false')\n at " + redacted + "line: 1, column: 5]"},
		{" \n", "No content to map due to end-of-input\n at " + redacted + "line: 2, column: 1]"},
		{"{", "Unexpected end-of-input: expected close marker for Object (start marker at " + redacted + "line: 1, column: 1])\n at " +
			redacted + "line: 1, column: 2]"},
		{"[[1, 2],\r\n 3", "Unexpected end-of-input: expected close marker for Array (start marker at " + redacted + "line: 1, column: 1])\n at " +
			redacted + "line: 2, column: 3]"},
		{`{"a`, "Unexpected end-of-input in field name\n at " + redacted + "line: 1, column: 4]"},
		{`["a`, "Unexpected end-of-input: was expecting closing quote for a string value\n at " + redacted + "line: 1, column: 4]"},
		{`{a:1}`, "Unexpected character ('a' (code 97)): was expecting double-quote to start field name\n at " + redacted + "line: 1, column: 2]"},
		{`{'a':1}`, "Unexpected character (''' (code 39)): was expecting double-quote to start field name\n at " + redacted + "line: 1, column: 2]"},
		{`{"a" 1}`, "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value\n at " + redacted + "line: 1, column: 6]"},
		{`{"a":1 "b":2}`, "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries\n at " + redacted + "line: 1, column: 8]"},
		{`{"a":1,}`, "Unexpected character ('}' (code 125)): was expecting double-quote to start field name\n at " + redacted + "line: 1, column: 8]"},
		{`[{}, [], {"a":[]} 1]`, "Unexpected character ('1' (code 49)): was expecting comma to separate Array entries\n at " + redacted + "line: 1, column: 19]"},
		{`[1}`, "Unexpected close marker '}': expected ']' (for Array starting at " + redacted + "line: 1, column: 1])\n at " + redacted + "line: 1, column: 3]"},
		{`"a` + "\n" + `"`, "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value\n at " +
			redacted + "line: 2, column: 1]"},
		{`"\x"`, "Unrecognized character escape 'x' (code 120)\n at " + redacted + "line: 1, column: 4]"},
		{`01`, "Invalid numeric value: Leading zeroes not allowed\n at " + redacted + "line: 1, column: 2]"},
	}
	for _, tt := range tests {
		err := checkPayload([]byte(tt.payload))
		if err == nil {
			t.Errorf("%q: no error", tt.payload)
			continue
		}
		if got, want := err.Error(), "InvalidRequestContentException: "+parseText+tt.want; got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", tt.payload, got, want)
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a":[1,-2.5e+3,"é\u00e9\n",null,true,false,{}]}`, "nul", "[1 2]", `{"a":{"b":[[]]},"c":}`,
		"\"\xc3", "1.", "-", "\"\\u12", "{} {}", "[,1]", "\xff", strings.Repeat("[", 20)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		err := checkPayload(payload)
		if valid := utf8.Valid(payload) && json.Valid(payload); valid != (err == nil) {
			t.Fatalf("valid %t: got %v", valid, err)
		}
		if err == nil {
			return
		}
		fl := findFlaw(payload)
		if fl.text == "" || fl.at < 0 || fl.at > len(payload) {
			t.Errorf("got %+v", fl)
		}
		if strings.HasPrefix(fl.text, "Document") && len(payload) < 10_000 {
			t.Errorf("no flaw found in %q: %+v", payload, fl)
		}
	})
}

func TestPayloadsOfGreatDepth(t *testing.T) {
	deep := strings.Repeat("[", 300_000)
	if err := checkPayload([]byte(deep)); err == nil || !strings.Contains(err.Error(), "close marker for Array") {
		t.Errorf("got %.200v", err)
	}
	if err := checkPayload([]byte(deep + strings.Repeat("]", len(deep)))); err == nil || !strings.Contains(err.Error(), "nesting depth") {
		t.Errorf("got %.200v", err)
	}
}
