package sqs

import (
	"fmt"

	"github.com/esm-run/esm/config"
)

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
