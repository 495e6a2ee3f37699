package events

import (
	"fmt"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// EventBridge names its exceptions without a namespace.

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationException", format, args...)
}

func notFound(format string, args ...any) error {
	return wire.Errorf("ResourceNotFoundException", format, args...)
}

// malformed reports in AWS's words a member that violates a constraint.
func malformed(value any, member, constraint string) error {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, constraint)
}

// unsupported refuses a member of a request that AWS has and this server has not.
func unsupported(member string) error {
	return invalid("%s is not supported by the embedded EventBridge.", member)
}

// refuse refuses the first member that is set.
func refuse(members ...member) error {
	for _, m := range members {
		if len(m.value) > 0 && string(m.value) != "null" {
			return unsupported(m.name)
		}
	}
	return nil
}

// A member is a member of a request that is only looked at to refuse it.
type member struct {
	name  string
	value []byte
}

// checkName checks the name of a bus or a rule.
func checkName(name, member string, most int) error {
	for _, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
		if !letter {
			return malformed(name, member, `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
		}
	}
	if name == "" || len(name) > most {
		return malformed(name, member, fmt.Sprintf("Member must have length between 1 and %d", most))
	}
	return nil
}
