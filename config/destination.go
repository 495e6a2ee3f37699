package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Origin is the kind of sender of notices to a destination.
type Origin int

// Origins of notices.
const (
	StreamFailure Origin = iota // OnFailure of a stream mapping
	EventFailure                // OnFailure of asynchronous events
	EventSuccess                // OnSuccess of asynchronous events
	DeadLetter                  // DeadLetterConfig of a function
)

// EventOrigins lists the origins of notices about asynchronous events.
var EventOrigins = []Origin{EventSuccess, EventFailure, DeadLetter}

// DestinationKind is one kind of destination. The table of kinds holds every rule about which destinations an origin may
// have; package destinations opens them.
type DestinationKind struct {
	// Name names the kind in messages, with its article: "an S3 bucket".
	Name string

	// Form shows the ARN of this kind in messages.
	Form string

	// Service is the service in the ARN.
	Service string

	// Origins lists the senders that may use destinations of this kind.
	Origins []Origin

	// valid reports whether an ARN of Service names such a destination.
	valid func(ARN) bool
}

// The kinds of destinations.
var (
	QueueDestination = &DestinationKind{
		Name:    "a standard SQS queue",
		Form:    "arn:aws:sqs:<region>:<account>:<queue>",
		Service: SQS,
		Origins: []Origin{StreamFailure, EventFailure, EventSuccess, DeadLetter},
		valid:   func(a ARN) bool { return a.placed() && validQueueName(a.Resource) },
	}
	TopicDestination = &DestinationKind{
		Name:    "a standard SNS topic",
		Form:    "arn:aws:sns:<region>:<account>:<topic>",
		Service: SNS,
		Origins: []Origin{StreamFailure, EventFailure, EventSuccess, DeadLetter},
		valid:   func(a ARN) bool { return a.placed() && topicForm.MatchString(a.Resource) },
	}
	BucketDestination = &DestinationKind{
		Name:    "an S3 bucket",
		Form:    "arn:aws:s3:::<bucket>, not an access point, and without a prefix",
		Service: S3,
		Origins: []Origin{StreamFailure, EventFailure},
		valid:   func(a ARN) bool { return a.Region == "" && a.Account == "" && bucketForm.MatchString(a.Resource) },
	}
	BusDestination = &DestinationKind{
		Name:    "an EventBridge event bus",
		Form:    "arn:aws:events:<region>:<account>:event-bus/<name>",
		Service: EventBridge,
		Origins: []Origin{EventFailure, EventSuccess},
		valid: func(a ARN) bool {
			name, bus := strings.CutPrefix(a.Resource, "event-bus/")
			return a.placed() && bus && busForm.MatchString(name)
		},
	}
	FunctionDestination = &DestinationKind{
		Name:    "a Lambda function",
		Form:    "arn:aws:lambda:<region>:<account>:function:<name>, with or without a qualifier",
		Service: Lambda,
		Origins: []Origin{EventFailure, EventSuccess},
		valid: func(a ARN) bool {
			_, err := ParseFunctionName(a.String())
			return a.placed() && err == nil
		},
	}
)

var busForm = regexp.MustCompile(`^[a-zA-Z0-9._/-]{1,256}$`)

// DestinationKinds lists the kinds of destinations. Adding one takes a row here, a file in package destinations, and a case
// in its Open.
var DestinationKinds = []*DestinationKind{QueueDestination, TopicDestination, BucketDestination, BusDestination, FunctionDestination}

// Destination is a parsed destination.
type Destination struct {
	ARN  ARN
	Kind *DestinationKind
}

// FunctionArn returns the ARN of a destination that is a function, without its qualifier.
func (d Destination) FunctionArn() string {
	return FunctionARN(d.ARN.Region, d.ARN.Account, d.Function().Name)
}

// Function returns the name of a destination that is a function.
func (d Destination) Function() FunctionName {
	name, _ := ParseFunctionName(d.ARN.String()) // it was parsed before
	return name
}

// ParseDestination parses the ARN of a destination for notices of origin. The error describes the fault without quoting the
// ARN, and the remedy.
//
// AWS lists FIFO queues and topics among the causes of failing deliveries ("Retain discarded records"): here they are
// refused.
func ParseDestination(arn string, origin Origin) (Destination, error) {
	a, err := ParseARN(arn)
	if err != nil {
		return Destination{}, err
	}
	for _, kind := range DestinationKinds {
		switch {
		case kind.Service != a.Service || !slices.Contains(kind.Origins, origin):
			continue
		case IsFIFO(a.Resource):
			return Destination{}, fmt.Errorf("is FIFO, which cannot be a destination: give the ARN of %s", destinationsOf(origin))
		case !kind.valid(a):
			return Destination{}, fmt.Errorf("is not the ARN of %s (%s)", kind.Name, kind.Form)
		}
		return Destination{a, kind}, nil
	}
	return Destination{}, errors.New("cannot be a destination: give the ARN of " + destinationsOf(origin))
}

// destinationsOf lists the kinds of destinations that an origin may have: "a standard SQS queue or an S3 bucket".
func destinationsOf(origin Origin) string {
	var names []string
	for _, kind := range DestinationKinds {
		if slices.Contains(kind.Origins, origin) {
			names = append(names, kind.Name)
		}
	}
	return OrList(names)
}
