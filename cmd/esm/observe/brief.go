package observe

import (
	"encoding/json"
	"strings"
)

// brief shortens an error's text: where it contains the JSON with which a runtime describes a failure, its type and message
// replace that. The stack trace is in structured logs and in what runtimes print.
func brief(text string) string {
	before, object, found := strings.Cut(text, "{")
	if !found {
		return text
	}
	kind, message := describe("{" + object)
	if message == "" {
		return text
	}
	before = strings.TrimSuffix(before, "Unhandled: ")
	if kind == "" || strings.HasSuffix(" "+before, " "+kind+": ") {
		return before + message
	}
	return before + kind + ": " + message
}

// describe returns errorType and errorMessage of a JSON object, whose end may be cut off.
func describe(object string) (kind, message string) {
	d := json.NewDecoder(strings.NewReader(object))
	if _, err := d.Token(); err != nil {
		return "", ""
	}
	for d.More() {
		var value any
		key, err := d.Token()
		if err != nil || d.Decode(&value) != nil {
			break
		}
		text, _ := value.(string)
		switch key {
		case "errorType":
			kind = text
		case "errorMessage":
			message = text
		}
	}
	return kind, message
}
