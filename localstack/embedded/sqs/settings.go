package sqs

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxMessageSize = 1 << 20 // bytes; AWS: "Amazon SQS message quotas"

// settings are the attributes of a queue that can be set: their texts as they were set, and what they mean. A settings
// value does not change; with returns a new one.
type settings struct {
	texts   map[string]string
	version int // how many times attributes were set

	delay        time.Duration
	maxSize      int
	retention    time.Duration
	wait         time.Duration
	visibility   time.Duration
	redrive      redrive
	allow        redriveAllow
	contentBased bool // ContentBasedDeduplication
	perGroup     bool // DeduplicationScope is messageGroup
}

// A rule describes a queue attribute. AWS: "SetQueueAttributes".
type rule struct {
	initial   string   // the text in a new queue; empty is none
	low, high int      // the bounds of a number
	values    []string // the texts that are allowed
	optional  bool     // setting an empty text removes the attribute
	fifo      bool     // only FIFO queues have it
	readOnly  bool
}

var booleans = []string{"true", "false"}

var rules = map[string]rule{
	"DelaySeconds":                  {initial: "0", high: 900},
	"MaximumMessageSize":            {initial: strconv.Itoa(maxMessageSize), low: 1024, high: maxMessageSize},
	"MessageRetentionPeriod":        {initial: "345600", low: 60, high: 1209600},
	"ReceiveMessageWaitTimeSeconds": {initial: "0", high: 20},
	"VisibilityTimeout":             {initial: "30", high: 43200},
	"KmsDataKeyReusePeriodSeconds":  {low: 60, high: 86400},
	"SqsManagedSseEnabled":          {initial: "true", values: booleans},

	"Policy":             {optional: true},
	"RedrivePolicy":      {optional: true},
	"RedriveAllowPolicy": {optional: true},
	"KmsMasterKeyId":     {optional: true},

	"FifoQueue":                 {initial: "true", fifo: true},
	"ContentBasedDeduplication": {initial: "false", values: booleans, fifo: true},
	"DeduplicationScope":        {initial: "queue", values: []string{"queue", "messageGroup"}, fifo: true},
	"FifoThroughputLimit":       {initial: "perQueue", values: []string{"perQueue", "perMessageGroupId"}, fifo: true},

	"ApproximateNumberOfMessages":           {readOnly: true},
	"ApproximateNumberOfMessagesDelayed":    {readOnly: true},
	"ApproximateNumberOfMessagesNotVisible": {readOnly: true},
	"CreatedTimestamp":                      {readOnly: true},
	"LastModifiedTimestamp":                 {readOnly: true},
	"QueueArn":                              {readOnly: true},
}

// isQueueAttribute reports whether some type of queue has an attribute of that name.
func isQueueAttribute(name string) bool {
	_, known := rules[name]
	return known
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// defaultSettings returns the settings of a queue that is created without attributes.
func defaultSettings(fifo bool) settings {
	s := settings{texts: make(map[string]string)}
	for name, r := range rules {
		if r.initial != "" && (fifo || !r.fifo) {
			s.texts[name] = r.initial
		}
	}
	_ = s.interpret() // the initial texts are valid
	return s
}

// with returns s with the attributes in change set.
func (s settings) with(change map[string]string) (settings, error) {
	s.texts = maps.Clone(s.texts)
	s.version++
	for _, name := range slices.Sorted(maps.Keys(change)) {
		if err := s.check(name, change[name]); err != nil {
			return settings{}, err
		}
		if s.texts[name] = change[name]; change[name] == "" {
			delete(s.texts, name)
		}
	}
	if s.texts["KmsMasterKeyId"] != "" {
		if change["SqsManagedSseEnabled"] == "true" {
			return settings{}, errorf("InvalidAttributeName", "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
		}
		s.texts["SqsManagedSseEnabled"] = "false"
	}
	return s, s.interpret()
}

func (s settings) check(name, text string) error {
	r, known := rules[name]
	n, err := strconv.Atoi(text)
	switch {
	case !known || r.readOnly || r.fifo && s.texts["FifoQueue"] == "":
		return unknownAttribute(name)
	case r.optional:
		return nil
	case name == "FifoQueue" && text != "true":
		return errorf("InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
	case r.high > 0 && (err != nil || n < r.low || n > r.high), r.values != nil && !slices.Contains(r.values, text):
		return errorf("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
	}
	return nil
}

func unknownAttribute(name string) error {
	return errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
}

// interpret sets the fields from the texts, of which only the policies may still be wrong.
func (s *settings) interpret() (err error) {
	number := func(name string) int {
		n, _ := strconv.Atoi(s.texts[name])
		return n
	}
	s.delay, s.wait = seconds(number("DelaySeconds")), seconds(number("ReceiveMessageWaitTimeSeconds"))
	s.retention, s.visibility = seconds(number("MessageRetentionPeriod")), seconds(number("VisibilityTimeout"))
	s.maxSize = number("MaximumMessageSize")
	s.contentBased = s.texts["ContentBasedDeduplication"] == "true"
	s.perGroup = s.texts["DeduplicationScope"] == "messageGroup"
	if s.allow, err = parseRedriveAllow(s.texts["RedriveAllowPolicy"]); err != nil {
		return err
	}
	s.redrive, err = parseRedrive(s.texts["RedrivePolicy"])
	return err
}

// difference returns the name of an attribute in wanted whose text differs, or "".
func (s settings) difference(wanted map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if s.texts[name] != wanted[name] {
			return name
		}
	}
	return ""
}

// A redrive is a RedrivePolicy. The zero redrive moves nothing.
type redrive struct {
	target string // ARN
	max    int
}

// parseRedrive parses a RedrivePolicy. As on AWS, maxReceiveCount may be a number or a text.
func parseRedrive(text string) (redrive, error) {
	var policy struct {
		Target *string `json:"deadLetterTargetArn"`
		Max    any     `json:"maxReceiveCount"`
	}
	invalid := func(reason string) (redrive, error) { return redrive{}, invalidValue(text, "RedrivePolicy", reason) }
	switch {
	case text == "":
		return redrive{}, nil
	case json.Unmarshal([]byte(text), &policy) != nil:
		return invalid("Redrive policy is not a valid JSON map.")
	case policy.Target == nil:
		return invalid("Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	case policy.Max == nil:
		return invalid("Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	case strings.Count(*policy.Target, ":") != 5:
		return invalid("Invalid value for deadLetterTargetArn.")
	}
	encoded, _ := json.Marshal(policy.Max)
	digits := strings.Trim(string(encoded), `"`)
	count, err := strconv.Atoi(digits)
	if err != nil || count < 1 || count > 1000 {
		return invalid("Invalid value for maxReceiveCount: " + digits + ", valid values are from 1 to 1000 both inclusive.")
	}
	return redrive{*policy.Target, count}, nil
}

// A redriveAllow is a RedriveAllowPolicy. The zero one allows every source queue.
type redriveAllow struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns"`
}

func parseRedriveAllow(text string) (a redriveAllow, err error) {
	if text != "" && json.Unmarshal([]byte(text), &a) != nil {
		return a, invalidValue(text, "RedriveAllowPolicy", "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.")
	}
	return a, nil
}

func (a redriveAllow) allows(source string) bool {
	return a.Permission == "" || a.Permission == "allowAll" || a.Permission == "byQueue" && slices.Contains(a.Sources, source)
}
