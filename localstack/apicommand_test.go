package localstack_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// TestInvokeCommand is `esm invoke`, and what `esm status` says of mappings of either origin.
func TestInvokeCommand(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	h := newHouse(t, standIn)
	h.write("src/app.py", telltale)
	h.write("event.json", `{"a": 1}`)
	_, arn := h.queue("file", map[string]string{})
	_, other := h.queue("http", map[string]string{})
	e := h.run("Functions:\n  f: {Runtime: python3.12, Handler: app.handler, CodeUri: src, Timeout: 20}\nEventSourceMappings:\n" + mapping(arn))
	tests := []struct {
		args     []string
		code     int
		out, err []string
	}{
		{[]string{"f", "--payload", h.dir + "/event.json", "--tail"}, 0, []string{`"event":`, `"a":`}, []string{"START RequestId: ", "hello", "REPORT RequestId: "}},
		{[]string{"f:$LATEST"}, 0, []string{arnOfFunctions + "f:$LATEST"}, nil},
		{[]string{arnOfFunctions + "f"}, 0, []string{arnOfFunctions + "f"}, nil},
		{[]string{"nope"}, 2, nil, []string{"Function not found", "esm status"}},
		{[]string{"f", "--event"}, 2, nil, []string{"asynchronously"}},
		{[]string{"f", "--payload", h.dir + "/none.json"}, 2, nil, []string{"no such file"}},
		{[]string{"f", "--payload", h.dir + "/src/app.py"}, 2, nil, []string{"--payload wants JSON"}},
		{[]string{}, 2, nil, []string{"1 arg"}},
	}
	for _, test := range tests {
		out, stderr, code := esm(t, append(append([]string{"invoke"}, test.args...), "--listen", e.listen)...)
		if code != test.code {
			t.Errorf("esm invoke %q: exit code %d, want %d\n%s%s", test.args, code, test.code, out, stderr)
		}
		missing := func(text string, want []string) bool {
			return slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) })
		}
		if missing(out, test.out) || missing(stderr, test.err) || test.out == nil && out != "" {
			t.Errorf("esm invoke %q says\n%s%s, want %q and %q", test.args, out, stderr, test.out, test.err)
		}
	}
	h.write("fail.json", `"fail"`)
	out, stderr, code := esm(t, "invoke", "f", "--payload", h.dir+"/fail.json", "--listen", e.listen)
	if code != 1 || !strings.Contains(out, "out of beans") || !strings.Contains(stderr, "the function failed") {
		t.Errorf("of a failure it says, with %d:\n%s%s", code, out, stderr)
	}
	sdk := e.lambda()
	uuid := create(t, sdk, lambda.CreateEventSourceMappingInput{EventSourceArn: &other})
	settles(t, sdk, uuid, "Enabled")
	out, _, _ = esm(t, "status", "--listen", e.listen)
	for row := range strings.Lines(out) {
		switch overHTTP := strings.Contains(row, "made over HTTP"); {
		case strings.HasPrefix(row, "http"+h.suffix) && !overHTTP, strings.HasPrefix(row, "file"+h.suffix) && overHTTP:
			t.Errorf("esm status says %s", row)
		}
	}
	if !strings.Contains(out, "http"+h.suffix) || !strings.Contains(out, "file"+h.suffix) {
		t.Errorf("esm status says\n%s", out)
	}
	if _, err := sdk.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: &uuid}); err != nil {
		t.Fatal(err)
	}
	settles(t, sdk, uuid, "")
	if out, _, _ = esm(t, "status", "--listen", e.listen); strings.Contains(out, "http"+h.suffix) {
		t.Errorf("esm status shows what is deleted:\n%s", out)
	}
	if text := get(t, "http://"+e.listen+"/metrics"); strings.Contains(text, uuid) {
		t.Error("/metrics shows what is deleted")
	}
}
