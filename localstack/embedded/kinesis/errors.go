package kinesis

import "github.com/esm-run/esm/localstack/embedded/wire"

// Kinesis names its exceptions without a namespace.

func invalid(format string, args ...any) error {
	return wire.Refuse("InvalidArgumentException", format, args...)
}

func missing(format string, args ...any) error {
	return wire.Refuse("ResourceNotFoundException", format, args...)
}

func inUse(format string, args ...any) error {
	return wire.Refuse("ResourceInUseException", format, args...)
}

func overLimit(format string, args ...any) error {
	return wire.Refuse("LimitExceededException", format, args...)
}

// malformed says in AWS's words what a member of a request should be. The value may be nil.
func malformed(value any, member, constraint string, args ...any) error {
	if value == nil {
		return wire.Refuse("ValidationException", "1 validation error detected: Value null at '"+member+
			"' failed to satisfy constraint: "+constraint, args...)
	}
	return wire.Refuse("ValidationException", "1 validation error detected: Value '%v' at '"+member+
		"' failed to satisfy constraint: "+constraint, append([]any{value}, args...)...)
}

// between checks a number that may be left out, and returns it or what it is then.
func between(value *int, member string, low, high, absent int) (int, error) {
	switch {
	case value == nil:
		return absent, nil
	case *value < low:
		return 0, malformed(*value, member, "Member must have value greater than or equal to %d", low)
	case *value > high:
		return 0, malformed(*value, member, "Member must have value less than or equal to %d", high)
	}
	return *value, nil
}
