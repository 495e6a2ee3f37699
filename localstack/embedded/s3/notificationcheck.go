package s3

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// eventNames are the events of S3 (AWS: "Supported event types for SQS, SNS, and Lambda"). What the stand-in's operations cannot
// cause never occurs.
var eventNames = []string{
	"s3:IntelligentTiering",
	"s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
	"s3:LifecycleTransition",
	"s3:ObjectAcl:Put",
	"s3:ObjectCreated:*", "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectCreated:Copy", "s3:ObjectCreated:Post", "s3:ObjectCreated:Put",
	"s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated",
	"s3:ObjectRestore:*", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete", "s3:ObjectRestore:Post",
	"s3:ObjectTagging:*", "s3:ObjectTagging:Delete", "s3:ObjectTagging:Put",
	"s3:ReducedRedundancyLostObject",
	"s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationMissedThreshold",
	"s3:Replication:OperationNotTracked", "s3:Replication:OperationReplicatedAfterThreshold",
}

// badArgument is an InvalidArgument with the argument that it is about.
func badArgument(name, value, text string) error {
	return &wire.Error{
		Status: http.StatusBadRequest, Type: "InvalidArgument", Message: text,
		More: map[string]any{"ArgumentName": name, "ArgumentValue": value},
	}
}

// checkNotification checks a configuration and gives IDs to subjects that have none. Unchecked targets need not exist.
func (s *Server) checkNotification(n notification, unchecked bool) error {
	kinds := []struct {
		subjects []subject
		service  string
		argument string
		missing  func(arn string) string
	}{
		{n.Topics, "sns", "TopicArn", func(string) string { return "The destination topic does not exist" }},
		{n.Queues, "sqs", "QueueArn", func(string) string { return "The destination queue does not exist" }},
		{n.Functions, "lambda", "LambdaFunctionArn", func(arn string) string { return "Not authorized to invoke function [" + arn + "]" }},
	}
	for _, kind := range kinds {
		for i := range kind.subjects {
			subject := &kind.subjects[i]
			arn := subject.target()
			switch {
			case relay.ServiceOf(arn) != kind.service:
				return badArgument(kind.argument, arn, "The ARN could not be parsed")
			case strings.HasSuffix(arn, ".fifo"):
				return badArgument(kind.argument, arn, "FIFO queues and topics are not supported as destinations of notifications")
			case !unchecked && !s.Targets.Has(arn):
				return badArgument(arn, kind.missing(arn), "Unable to validate the following destination configurations")
			}
			if err := subject.check(); err != nil {
				return err
			}
		}
	}
	return checkOverlaps(n.all())
}

// check checks the events and the filter of a subject, and gives it an ID.
func (s *subject) check() error {
	if s.ID == "" {
		s.ID = uuid.NewString()
	}
	if len(s.Events) == 0 {
		return errXML
	}
	for _, event := range s.Events {
		if !slices.Contains(eventNames, event) {
			return badArgument("Event", event, "The event '"+event+"' is not supported for notifications")
		}
	}
	if s.Filter == nil {
		return nil
	}
	seen := make(map[string]bool)
	for _, rule := range s.Filter.Rules {
		name := strings.ToLower(rule.Name)
		switch {
		case name != "prefix" && name != "suffix":
			return badArgument("FilterRule.Name", rule.Name, "filter rule name must be either prefix or suffix")
		case seen[name]:
			return badArgument("FilterRule.Name", rule.Name, "Cannot specify more than one "+name+" rule in a filter.")
		case len(rule.Value) > 1024:
			return badArgument("FilterRule.Value", rule.Value, "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation")
		}
		seen[name] = true
	}
	return nil
}

// checkOverlaps refuses two subjects that would get the same event for the same key. AWS: "Configuring event notifications
// using object key name filtering".
func checkOverlaps(all []subject) error {
	for i, a := range all {
		for _, b := range all[:i] {
			if a.ID == b.ID {
				return badArgument("Id", a.ID, "Same ID used for multiple configurations. IDs must be unique")
			}
			if a.overlaps(b) {
				return invalidArgument("Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.")
			}
		}
	}
	return nil
}

func (s subject) overlaps(other subject) bool {
	prefix, suffix := s.bounds()
	otherPrefix, otherSuffix := other.bounds()
	if !strings.HasPrefix(prefix, otherPrefix) && !strings.HasPrefix(otherPrefix, prefix) ||
		!strings.HasSuffix(suffix, otherSuffix) && !strings.HasSuffix(otherSuffix, suffix) {
		return false
	}
	for _, a := range s.Events {
		for _, b := range other.Events {
			if covers(a, b) || covers(b, a) {
				return true
			}
		}
	}
	return false
}
