package kinesis

import (
	"fmt"
	"strings"

	"github.com/esm-run/esm/config"
)

// arn is the ARN of a stream or of a consumer of it.
type arn struct {
	text   string // as in the mapping
	region string
	stream string // the ARN of the stream
	name   string // of the stream

	consumer bool
}

// newARN returns the parts of …:stream/<name> and of …:stream/<name>/consumer/<name>:<timestamp>.
func newARN(a config.ARN) (arn, error) {
	if err := config.KinesisStream.Check(a); err != nil {
		return arn{}, fmt.Errorf("kinesis: %q %w", a, err)
	}
	text := a.String()
	name, consumer, _ := strings.Cut(strings.TrimPrefix(a.Resource, "stream/"), "/")
	a.Resource = "stream/" + name
	return arn{text: text, region: a.Region, stream: a.String(), name: name, consumer: consumer != ""}, nil
}
