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

// parseARN parses …:stream/<name> and …:stream/<name>/consumer/<name>:<timestamp>.
func parseARN(text string) (arn, error) {
	a, err := config.ParseARN(text)
	parts := strings.Split(a.Resource, "/")
	stream := len(parts) == 2
	consumer := len(parts) == 4 && parts[2] == "consumer" && strings.Contains(parts[3], ":")
	if err != nil || a.Service != "kinesis" || a.Region == "" || parts[0] != "stream" || !stream && !consumer || parts[1] == "" {
		return arn{}, fmt.Errorf("kinesis: %q is not the ARN of a stream (arn:aws:kinesis:region:account:stream/name) or of a "+
			"consumer of it (…:stream/name/consumer/name:timestamp)", text)
	}
	a.Resource = "stream/" + parts[1]
	return arn{text: text, region: a.Region, stream: a.String(), name: parts[1], consumer: consumer}, nil
}
