package ddbstreams

import (
	"fmt"
	"strings"

	"github.com/esm-run/esm/config"
)

// arn is the ARN of a table's stream.
type arn struct {
	text   string // as in the mapping
	region string
	name   string // of the table
	label  string // of the stream: when it was enabled
}

// newARN returns the parts of …:table/<table>/stream/<label>.
func newARN(a config.ARN) (arn, error) {
	if err := config.DynamoDBStream.Check(a); err != nil {
		return arn{}, fmt.Errorf("ddbstreams: %q %w", a, err)
	}
	name, label, isStream := strings.Cut(strings.TrimPrefix(a.Resource, "table/"), "/stream/")
	if !isStream {
		return arn{}, fmt.Errorf("ddbstreams: %q is the ARN of a table, not of its stream", a)
	}
	return arn{text: a.String(), region: a.Region, name: name, label: label}, nil
}
