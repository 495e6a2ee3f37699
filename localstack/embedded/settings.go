package embedded

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const maxMessageSize = 1 << 20 // bytes; AWS: "Amazon SQS message quotas"

// settings are the attributes of a queue that can be set. The texts are what was set, shown again as they are; the
// other fields are what they mean. A settings value never changes: setting an attribute makes a new one.
type settings struct {
	texts   map[string]string
	version int // how often an attribute was set

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

// A redrive is a RedrivePolicy. The zero redrive moves nothing.
type redrive struct {
	target string // ARN
	max    int
}

// A redriveAllow is a RedriveAllowPolicy. The zero one allows every source queue.
type redriveAllow struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns"`
}

func (a redriveAllow) allows(source string) bool {
	return a.Permission == "" || a.Permission == "allowAll" || a.Permission == "byQueue" && slices.Contains(a.Sources, source)
}

// A bound is a whole number of AWS: "SetQueueAttributes".
type bound struct {
	low, high int
	set       func(*settings, int)
}

var numbers = map[string]bound{
	"DelaySeconds":                  {0, 900, func(s *settings, n int) { s.delay = seconds(n) }},
	"MaximumMessageSize":            {1024, maxMessageSize, func(s *settings, n int) { s.maxSize = n }},
	"MessageRetentionPeriod":        {60, 1209600, func(s *settings, n int) { s.retention = seconds(n) }},
	"ReceiveMessageWaitTimeSeconds": {0, 20, func(s *settings, n int) { s.wait = seconds(n) }},
	"VisibilityTimeout":             {0, 43200, func(s *settings, n int) { s.visibility = seconds(n) }},
	"KmsDataKeyReusePeriodSeconds":  {60, 86400, func(*settings, int) {}},
}

var standardDefaults = map[string]string{
	"DelaySeconds":                  "0",
	"MaximumMessageSize":            strconv.Itoa(maxMessageSize),
	"MessageRetentionPeriod":        "345600",
	"ReceiveMessageWaitTimeSeconds": "0",
	"SqsManagedSseEnabled":          "true",
	"VisibilityTimeout":             "30",
}

var fifoDefaults = map[string]string{
	"ContentBasedDeduplication": "false",
	"DeduplicationScope":        "queue",
	"FifoQueue":                 "true",
	"FifoThroughputLimit":       "perQueue",
}

// shown are the attributes that a queue has but nobody can set.
var shown = []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed",
	"ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn"}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// defaultSettings are those of a queue that was created without attributes.
func defaultSettings(fifo bool) settings {
	texts := maps.Clone(standardDefaults)
	if fifo {
		maps.Copy(texts, fifoDefaults)
	}
	s := settings{texts: texts}
	for name, b := range numbers {
		if text, ok := texts[name]; ok {
			n, _ := strconv.Atoi(text)
			b.set(&s, n)
		}
	}
	return s
}

// with returns s after the attributes in change are set. An empty text takes a policy or a key away.
func (s settings) with(change map[string]string) (settings, error) {
	s.texts = maps.Clone(s.texts)
	s.version++
	for _, name := range slices.Sorted(maps.Keys(change)) {
		if err := s.set(name, change[name]); err != nil {
			return settings{}, err
		}
	}
	if s.texts["KmsMasterKeyId"] != "" {
		if change["SqsManagedSseEnabled"] == "true" {
			return settings{}, refuse("InvalidAttributeName", "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
		}
		s.texts["SqsManagedSseEnabled"] = "false"
	}
	return s, nil
}

func (s *settings) set(name, text string) error {
	if text == "" && mayBeEmpty(name) {
		s.clear(name)
		return nil
	}
	var err error
	if b, ok := numbers[name]; ok {
		err = s.setNumber(name, text, b)
	} else {
		err = s.setText(name, text)
	}
	if err == nil {
		s.texts[name] = text
	}
	return err
}

func (s *settings) clear(name string) {
	delete(s.texts, name)
	switch name {
	case "RedrivePolicy":
		s.redrive = redrive{}
	case "RedriveAllowPolicy":
		s.allow = redriveAllow{}
	}
}

func mayBeEmpty(name string) bool {
	return slices.Contains([]string{"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"}, name)
}

func (s *settings) setNumber(name, text string, b bound) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < b.low || n > b.high {
		return badAttribute(name)
	}
	b.set(s, n)
	return nil
}

func (s *settings) setText(name, text string) error {
	_, fifo := s.texts["FifoQueue"]
	switch name {
	case "Policy", "KmsMasterKeyId":
		return nil
	case "RedrivePolicy", "RedriveAllowPolicy":
		return s.setPolicy(name, text)
	case "SqsManagedSseEnabled":
		return oneOf(name, text, "true", "false")
	case "FifoQueue":
		return checkType(fifo, text)
	}
	if _, ok := fifoDefaults[name]; !ok || !fifo {
		return unknownAttribute(name)
	}
	switch name {
	case "ContentBasedDeduplication":
		s.contentBased = text == "true"
		return oneOf(name, text, "true", "false")
	case "DeduplicationScope":
		s.perGroup = text == "messageGroup"
		return oneOf(name, text, "queue", "messageGroup")
	}
	return oneOf(name, text, "perQueue", "perMessageGroupId")
}

// checkType refuses to turn a queue into one of the other type.
func checkType(fifo bool, text string) error {
	switch {
	case !fifo:
		return unknownAttribute("FifoQueue")
	case text != "true":
		return refuse("InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
	}
	return nil
}

func oneOf(name, text string, values ...string) error {
	if !slices.Contains(values, text) {
		return badAttribute(name)
	}
	return nil
}

func badAttribute(name string) *refusal {
	return refuse("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

func unknownAttribute(name string) *refusal {
	return refuse("InvalidAttributeName", "Unknown Attribute %s.", name)
}

func (s *settings) setPolicy(name, text string) error {
	switch name {
	case "RedrivePolicy":
		return s.setRedrive(text)
	case "RedriveAllowPolicy":
		s.allow = redriveAllow{}
		if err := json.Unmarshal([]byte(text), &s.allow); err != nil {
			return invalidValue(text, name, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.")
		}
	}
	return nil
}

// setRedrive reads a RedrivePolicy; AWS takes maxReceiveCount as a number and as text.
func (s *settings) setRedrive(text string) error {
	const name = "RedrivePolicy"
	var policy struct {
		Target *string `json:"deadLetterTargetArn"`
		Max    any     `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		return invalidValue(text, name, "Redrive policy is not a valid JSON map.")
	}
	if policy.Target == nil {
		return invalidValue(text, name, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	}
	if policy.Max == nil {
		return invalidValue(text, name, "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	}
	if strings.Count(*policy.Target, ":") != 5 {
		return invalidValue(text, name, "Invalid value for deadLetterTargetArn.")
	}
	count, ok := wholeNumber(policy.Max)
	if !ok || count < 1 || count > 1000 {
		return invalidValue(text, name, "Invalid value for maxReceiveCount: "+describe(policy.Max)+", valid values are from 1 to 1000 both inclusive.")
	}
	s.redrive = redrive{*policy.Target, count}
	return nil
}

func wholeNumber(v any) (int, bool) {
	switch v := v.(type) {
	case float64:
		return int(v), v == float64(int(v))
	case string:
		n, err := strconv.Atoi(v)
		return n, err == nil
	}
	return 0, false
}

func describe(v any) string {
	text, _ := json.Marshal(v)
	return strings.Trim(string(text), `"`)
}

// difference names an attribute of wanted that a queue has otherwise, or "".
func (s settings) difference(wanted map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if s.texts[name] != wanted[name] {
			return name
		}
	}
	return ""
}
