package policy

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// InputPath selects the part of an event that a rule's target receives (AWS: API reference of Target, InputPath). The zero
// InputPath selects the whole event.
type InputPath struct {
	steps []any // a string is a member's name, an int the index of an element
}

// inputStep is one step of a path: .name, ['name'] or [0].
var inputStep = regexp.MustCompile(`^(?:\.([^.\[\]'"*?()\s]+)|\['([^']+)'\]|\["([^"]+)"\]|\[(\d{1,6})\])`)

// ParseInputPath parses a JSONPath that names one value: $, members as .name or ['name'], elements as [0].
func ParseInputPath(path string) (InputPath, error) {
	rest, ok := strings.CutPrefix(path, "$")
	var p InputPath
	for ok && rest != "" {
		m := inputStep.FindStringSubmatch(rest)
		if m == nil {
			ok = false
			break
		}
		rest = rest[len(m[0]):]
		if m[4] == "" {
			p.steps = append(p.steps, m[1]+m[2]+m[3])
			continue
		}
		element, err := strconv.Atoi(m[4])
		ok = err == nil
		p.steps = append(p.steps, element)
	}
	if !ok {
		return InputPath{}, errors.New("is not a JSONPath to one value, such as $.detail or $.resources[0]")
	}
	return p, nil
}

// Select returns the part of an event, or null if the event does not have it. The event is JSON.
func (p InputPath) Select(event json.RawMessage) json.RawMessage {
	for _, s := range p.steps {
		switch s := s.(type) {
		case string:
			var members map[string]json.RawMessage
			_ = json.Unmarshal(event, &members) // what is no object has no members
			event = members[s]
		case int:
			var elements []json.RawMessage
			_ = json.Unmarshal(event, &elements)
			event = nil
			if s < len(elements) {
				event = elements[s]
			}
		}
		if event == nil {
			return json.RawMessage("null")
		}
	}
	return event
}
