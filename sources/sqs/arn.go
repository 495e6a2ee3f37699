package sqs

import (
	"fmt"
	"strings"
)

// arn is a queue's name in full: arn:partition:sqs:region:account:name.
type arn struct {
	text, partition, region, account, name string
}

func parseARN(text string) (arn, error) {
	parts := strings.Split(text, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sqs" || parts[3] == "" || parts[5] == "" {
		return arn{}, fmt.Errorf("sqs: %q is not the ARN of a queue (arn:aws:sqs:region:account:name)", text)
	}
	return arn{text: text, partition: parts[1], region: parts[3], account: parts[4], name: parts[5]}, nil
}

// fifo reports whether it is a FIFO queue: its name says so (API reference: "CreateQueue").
func (a arn) fifo() bool { return strings.HasSuffix(a.name, ".fifo") }

// url is the queue's address on AWS; ok is false in partitions whose host names are not known here.
func (a arn) url() (url string, ok bool) {
	suffix := map[string]string{
		"aws":        "amazonaws.com",
		"aws-us-gov": "amazonaws.com",
		"aws-cn":     "amazonaws.com.cn",
	}[a.partition]
	return fmt.Sprintf("https://sqs.%s.%s/%s/%s", a.region, suffix, a.account, a.name), suffix != "" && a.account != ""
}
