package destinations

import (
	"errors"
	"strings"

	"github.com/esm-run/esm/config"
)

// The services that a notice can be sent to, as they are called in ARNs.
const (
	ServiceSQS = "sqs"
	ServiceSNS = "sns"
	ServiceS3  = "s3"
)

// Kind tells which of the three services the ARN of a destination belongs to. The error says why Lambda sends no notices
// of stream records there, and what to name instead; it is worded to follow the name of what was configured, and does not
// quote it.
func Kind(arn string) (service string, err error) {
	a, err := config.ParseARN(arn)
	if err != nil {
		return "", err
	}
	switch a.Service {
	case ServiceSQS:
		err = standard(a, "queue")
	case ServiceSNS:
		err = standard(a, "topic")
	case ServiceS3:
		err = bucket(a)
	default:
		err = errors.New("is of a service that takes no notices of stream records: name a standard SQS queue, " +
			"a standard SNS topic or an S3 bucket")
	}
	if err != nil {
		return "", err
	}
	return a.Service, nil
}

// standard refuses what is no queue or topic, or a FIFO one: its name says so.
func standard(a config.ARN, what string) error {
	switch {
	case a.Region == "" || a.Account == "" || strings.ContainsAny(a.Resource, ":/"):
		return errors.New("is not the ARN of a " + what + " (arn:aws:" + a.Service + ":region:account:name)")
	case strings.HasSuffix(a.Resource, ".fifo"):
		return errors.New("is a FIFO " + what + ", and Lambda sends notices to standard ones only: name a standard " + what +
			" or an S3 bucket")
	}
	return nil
}

func bucket(a config.ARN) error {
	if a.Region != "" || a.Account != "" || strings.ContainsAny(a.Resource, ":/") {
		return errors.New("is not the ARN of an S3 bucket (arn:aws:s3:::name): name the bucket itself, not an access point, " +
			"and no prefix, for Lambda names the objects")
	}
	return nil
}

// parse takes the ARN of a destination that must be one of service.
func parse(arn, service string) (config.ARN, error) {
	kind, err := Kind(arn)
	if err == nil && kind != service {
		err = errors.New("belongs to " + kind + ", not to " + service)
	}
	if err != nil {
		return config.ARN{}, err
	}
	return config.ParseARN(arn)
}
