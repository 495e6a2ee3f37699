package dynamodb

import "github.com/esm-run/esm/localstack/embedded/wire"

// The namespaces of error types: the service's own model, and the validation of the framework beneath it.
const (
	namespace = "com.amazonaws.dynamodb.v20120810#"
	coral     = "com.amazon.coral.validate#"
)

// invalid says what is wrong with a request.
func invalid(format string, args ...any) *wire.Refusal {
	return wire.Refuse(coral+"ValidationException", format, args...)
}

// invalidValue is invalid in the words that AWS uses for most values of items and tables.
func invalidValue(format string, args ...any) *wire.Refusal {
	return invalid("One or more parameter values were invalid: "+format, args...)
}

// constraint is invalid in the words of the framework, for a member whose value is not within its bounds.
func constraint(value any, member, want string) *wire.Refusal {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: Member must %s", value, member, want)
}

// lacking refuses what AWS has and this package does not.
func lacking(what string) *wire.Refusal {
	return invalid("%s is not supported by the embedded DynamoDB.", what)
}

func notFound(format string, args ...any) *wire.Refusal {
	return wire.Refuse(namespace+"ResourceNotFoundException", "Requested resource not found"+format, args...)
}

func inUse(format string, args ...any) *wire.Refusal {
	return wire.Refuse(namespace+"ResourceInUseException", format, args...)
}

// trimmed says that a position lies before the oldest record that is kept.
func trimmed() *wire.Refusal {
	return wire.Refuse(namespace+"TrimmedDataAccessException",
		"The operation attempted to read past the oldest stream record in a shard.")
}
