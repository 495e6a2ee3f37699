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

// parseARN parses …:table/<table>/stream/<label>.
func parseARN(text string) (arn, error) {
	a, err := config.ParseARN(text)
	parts := strings.Split(a.Resource, "/")
	isStream := len(parts) == 4 && parts[0] == "table" && parts[1] != "" && parts[2] == "stream" && parts[3] != ""
	if err != nil || a.Service != "dynamodb" || a.Region == "" || !isStream {
		return arn{}, fmt.Errorf("ddbstreams: %q is not the ARN of a table's stream "+
			"(arn:aws:dynamodb:region:account:table/name/stream/label)", text)
	}
	return arn{text: text, region: a.Region, name: parts[1], label: parts[3]}, nil
}
