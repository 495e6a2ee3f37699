package dynamodb

import "github.com/esm-run/esm/localstack/embedded/wire"

// The namespaces of error types: the service's own model, and the validation of the framework beneath it.
const (
	namespace = "com.amazonaws.dynamodb.v20120810#"
	validate  = "com.amazon.coral.validate#"
)

// invalid reports what is wrong with a request.
func invalid(format string, args ...any) error {
	return wire.Errorf(validate+"ValidationException", format, args...)
}

// invalidValue is invalid in the words that AWS uses for most values of items and tables.
func invalidValue(format string, args ...any) error {
	return invalid("One or more parameter values were invalid: "+format, args...)
}

// constraint is invalid in the framework's words, for a member whose value is out of bounds.
func constraint(value any, member, want string) error {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, member, want)
}

// notSupported refuses what AWS has and this package does not.
func notSupported(what string) error {
	return invalid("%s is not supported by the embedded DynamoDB.", what)
}

func notFound(format string, args ...any) error {
	return wire.Errorf(namespace+"ResourceNotFoundException", "Requested resource not found"+format, args...)
}

// trimmed reports a position before the oldest record that is kept.
func trimmed() error {
	return wire.Errorf(namespace+"TrimmedDataAccessException",
		"The operation attempted to read past the oldest stream record in a shard.")
}

// limitOf returns the page size that a request asks for, or most.
func limitOf(limit *int, most int) (int, error) {
	switch {
	case limit == nil:
		return most, nil
	case *limit < 1:
		return 0, constraint(*limit, "limit", "have value greater than or equal to 1")
	case *limit > most:
		return 0, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", *limit, most)
	}
	return *limit, nil
}
