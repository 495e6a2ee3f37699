package sqs

import (
	"fmt"
	"strings"

	"github.com/esm-run/esm/config"
)

// parseARN parses the ARN of a queue, whose resource is the queue's name.
func parseARN(text string) (config.ARN, error) {
	a, err := config.ParseARN(text)
	if err != nil || a.Service != "sqs" || a.Region == "" || strings.Contains(a.Resource, ":") {
		return config.ARN{}, fmt.Errorf("sqs: %q is not the ARN of a queue (arn:aws:sqs:region:account:name)", text)
	}
	return a, nil
}

// isFIFO reports whether a queue is a FIFO queue, by its name (API reference: "CreateQueue").
func isFIFO(queue config.ARN) bool { return strings.HasSuffix(queue.Resource, ".fifo") }

// urlOf returns the queue's URL on AWS. ok is false in partitions whose host names are unknown.
func urlOf(queue config.ARN) (url string, ok bool) {
	suffix := map[string]string{
		"aws":        "amazonaws.com",
		"aws-us-gov": "amazonaws.com",
		"aws-cn":     "amazonaws.com.cn",
	}[queue.Partition]
	url = fmt.Sprintf("https://sqs.%s.%s/%s/%s", queue.Region, suffix, queue.Account, queue.Resource)
	return url, suffix != "" && queue.Account != ""
}
