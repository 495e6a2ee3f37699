package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// SQSQueue is the kind of an SQS queue, standard or FIFO.
var SQSQueue = &Kind{
	Name:             "SQS queue",
	Forms:            []string{"an SQS queue"},
	Service:          SQS,
	EndpointKey:      SQS,
	Title:            func(a ARN) string { return a.Resource },
	DefaultBatchSize: DefaultBatchSize,
	FilterText:       "body",
	Refused: map[string]string{
		"StartingPosition":           onlyStreams,
		"StartingPositionTimestamp":  onlyStreams,
		"ParallelizationFactor":      onlyStreams,
		"TumblingWindowInSeconds":    onlyStreams,
		"BisectBatchOnFunctionError": onlyStreams,
		"MaximumRecordAgeInSeconds":  useRedrivePolicy,
		"MaximumRetryAttempts":       useRedrivePolicy,
		"DestinationConfig":          useRedrivePolicy,
	},
	CheckARN:   checkQueueARN,
	FIFO:       func(a ARN) bool { return IsFIFO(a.Resource) },
	checkBatch: checkQueueBatch,
}

const (
	onlyStreams      = " It is for streams: remove it."
	useRedrivePolicy = " Retries of queues end by their RedrivePolicy: set VisibilityTimeout and maxReceiveCount on the queue, and remove it."
)

var queueForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// validQueueName reports whether name can be the name of a queue: up to 80 letters, digits, - and _, where .fifo may be
// the suffix.
func validQueueName(name string) bool {
	return len(name) <= 80 && queueForm.MatchString(strings.TrimSuffix(name, fifoSuffix))
}

// ParseQueueARN parses the ARN of an SQS queue.
func ParseQueueARN(text string) (ARN, error) {
	a, err := ParseARN(text)
	if err == nil && a.Service != SQS {
		err = errors.New("is not the ARN of an SQS queue")
	}
	return a, err
}

const fifoSuffix = ".fifo"

// IsFIFO reports whether a queue or a topic of that name is FIFO.
func IsFIFO(name string) bool { return strings.HasSuffix(name, fifoSuffix) }

// awsDomains holds the domain of AWS's endpoints by partition.
var awsDomains = map[string]string{
	"aws":        "amazonaws.com",
	"aws-us-gov": "amazonaws.com",
	"aws-cn":     "amazonaws.com.cn",
}

// QueueURL returns the URL of a queue on AWS. known is false if its ARN has no account or names a partition whose domain is
// unknown: then SQS must be asked.
func QueueURL(queue ARN) (url string, known bool) {
	domain, known := awsDomains[queue.Partition]
	if !known || queue.Account == "" {
		return "", false
	}
	return fmt.Sprintf("https://sqs.%s.%s/%s/%s", queue.Region, domain, queue.Account, queue.Resource), true
}

func checkQueueARN(a ARN) string {
	switch {
	case !a.placed():
		return "is a queue's ARN without a region or an account of 12 digits (arn:aws:sqs:<region>:<account>:<queue>)"
	case !validQueueName(a.Resource):
		return "does not end in a queue's name: 1 to 80 letters, digits, - and _, with or without .fifo"
	}
	return ""
}

func checkQueueBatch(m Mapping, queue ARN, found *problems) {
	size, window := *or(m.BatchSize, DefaultBatchSize), *or(m.MaximumBatchingWindowInSeconds, 0)
	switch {
	case IsFIFO(queue.Resource):
		if 0 < window && window <= MaxBatchingWindow {
			found.add("MaximumBatchingWindowInSeconds", "Batching window is not supported for FIFO queues")
		}
		if MaxBatchSizeFIFO < size && size <= MaxBatchSize {
			found.add("BatchSize", "%d is above %d, the maximum for a FIFO queue", size, MaxBatchSizeFIFO)
		}
	case 10 < size && size <= MaxBatchSize && window == 0:
		found.add("BatchSize", "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	}
}
