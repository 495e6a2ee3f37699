package kinesis

import "github.com/esm-run/esm/localstack/embedded/wire"

// Kinesis names its exceptions without a namespace.

func invalid(format string, args ...any) error {
	return wire.Errorf("InvalidArgumentException", format, args...)
}

func notFound(format string, args ...any) error {
	return wire.Errorf("ResourceNotFoundException", format, args...)
}

func noStream(name, account string) error {
	return notFound("Stream %s under account %s not found.", name, account)
}

func inUse(format string, args ...any) error {
	return wire.Errorf("ResourceInUseException", format, args...)
}

func overLimit(format string, args ...any) error {
	return wire.Errorf("LimitExceededException", format, args...)
}

// malformed reports in AWS's words a member that violates a constraint. The value may be nil.
func malformed(value any, member, constraint string, args ...any) error {
	shown := "null"
	if value != nil {
		shown = "'%v'"
		args = append([]any{value}, args...)
	}
	return wire.Errorf("ValidationException", "1 validation error detected: Value "+shown+" at '"+member+
		"' failed to satisfy constraint: "+constraint, args...)
}

// checkName checks the name of a stream or a consumer.
func checkName(name, member string) error {
	if validName(name) {
		return nil
	}
	return malformed(name, member, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+, and have length between 1 and 128")
}

// limitOf returns the page size that a request asks for, or absent.
func limitOf(value *int, member string, high, absent int) (int, error) {
	switch {
	case value == nil:
		return absent, nil
	case *value < 1:
		return 0, malformed(*value, member, "Member must have value greater than or equal to 1")
	case *value > high:
		return 0, malformed(*value, member, "Member must have value less than or equal to %d", high)
	}
	return *value, nil
}
