package observe

import "testing"

func TestBrief(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"connection refused", "connection refused"},
		{`Unhandled: "boom"`, `Unhandled: "boom"`},
		{`Unhandled: {"errorMessage": "no price", "errorType": "ValueError", "stackTrace": ["a", "b"]}`, "ValueError: no price"},
		{`FunctionError: Unhandled: {"errorType":"Error","errorMessage":"no price","trace":["Error: no price","  at…`, "FunctionError: Error: no price"},
		{`Unhandled: {"errorMessage":"boom"}`, "boom"},
		{`Sandbox.Timedout: {"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}`, "Sandbox.Timedout: Task timed out after 3.00 seconds"},
		{`Unhandled: {"errorMessage":"a long mess…`, `Unhandled: {"errorMessage":"a long mess…`},
		{`Unhandled: {"errorMessage":5}`, `Unhandled: {"errorMessage":5}`},
		{`Unhandled: {"errorType":"E"}`, `Unhandled: {"errorType":"E"}`},
		{`a report: {"batchItemFailures": {`, `a report: {"batchItemFailures": {`},
		{`{`, `{`},
	} {
		if got := brief(c.text); got != c.want {
			t.Errorf("brief(%s)\ngot  %s\nwant %s", c.text, got, c.want)
		}
	}
}

func FuzzBrief(f *testing.F) {
	f.Add(`Unhandled: {"errorMessage": "no price", "errorType": "ValueError"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if got := brief(text); got == "" && text != "" {
			t.Errorf("nothing is left of %q", text)
		}
	})
}
