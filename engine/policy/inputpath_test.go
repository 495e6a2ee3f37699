package policy

import (
	"encoding/json"
	"testing"
)

func TestInputPath(t *testing.T) {
	const event = `{"detail-type": "x", "detail": {"a b": [1, {"c": null}], "n": 1.50}, "resources": ["r"]}`
	for path, want := range map[string]string{
		"$":                       event,
		"$.detail-type":           `"x"`,
		"$.detail.n":              "1.50",
		"$.detail['a b'][0]":      "1",
		`$["detail"]["a b"][1].c`: "null",
		"$.resources[0]":          `"r"`,
		"$.resources[1]":          "null",
		"$.resources.x":           "null",
		"$.detail[0]":             "null",
		"$.nothing.more":          "null",
	} {
		p, err := ParseInputPath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if got := string(p.Select(json.RawMessage(event))); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"", "detail", "$detail", "$.", "$..a", "$.*", "$[*]", "$[-1]", "$[1:2]", "$.a[", "$['a", "$.a b", "$[?(@.a)]", "$[9999999]"} {
		if _, err := ParseInputPath(path); err == nil {
			t.Errorf("%s is accepted", path)
		}
	}
}
