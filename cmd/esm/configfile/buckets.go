package configfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/esm-run/esm/config"
)

// Bucket is an S3 bucket to create.
type Bucket struct {
	Bucket                    string
	NotificationConfiguration *NotificationConfiguration // nil leaves that of the bucket as it is
}

// NotificationConfiguration says what a bucket reports to whom, with the fields of PutBucketNotificationConfiguration.
type NotificationConfiguration struct {
	LambdaFunctionConfigurations []Notification
	QueueConfigurations          []Notification
	TopicConfigurations          []Notification
	EventBridgeConfiguration     bool // everything, to the default event bus
}

// Notification selects events of a bucket for one receiver.
type Notification struct {
	Id     string
	Arn    string // of a function of this file, a standard queue or a standard topic
	Events []string
	Filter NotificationFilter
}

// NotificationFilter selects objects by their keys.
type NotificationFilter struct {
	Key struct{ FilterRules []FilterRule }
}

// FilterRule requires a beginning or an end of keys.
type FilterRule struct{ Name, Value string }

// rule returns the value of the rule of a name, or "".
func (n NotificationFilter) rule(name string) string {
	for _, r := range n.Key.FilterRules {
		if strings.EqualFold(r.Name, name) {
			return r.Value
		}
	}
	return ""
}

// bucketEvents are the events that buckets report (AWS: "Supported event types for SQS, SNS, and Lambda").
var bucketEvents = []string{
	"s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy", "s3:ObjectCreated:CompleteMultipartUpload",
	"s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete", "s3:ObjectRemoved:DeleteMarkerCreated",
	"s3:ObjectRestore:*", "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete",
	"s3:ReducedRedundancyLostObject",
	"s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationMissedThreshold",
	"s3:Replication:OperationReplicatedAfterThreshold", "s3:Replication:OperationNotTracked",
	"s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated", "s3:LifecycleTransition",
	"s3:IntelligentTiering", "s3:ObjectAcl:Put", "s3:ObjectTagging:*", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete",
}

// maxNotifications is S3's limit for one bucket (AWS: "Amazon S3 endpoints and quotas").
const maxNotifications = 100

var bucketShape = objectOf(inBucket,
	required(field("Bucket", func(b *Bucket) *string { return &b.Bucket },
		textOf(matching(`[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]`, "is not a bucket's name: 3 to 63 small letters, digits, . and -")),
		"The bucket's name.")),
	field("NotificationConfiguration", func(b *Bucket) **NotificationConfiguration { return &b.NotificationConfiguration }, pointerTo(notificationsShape),
		"What the bucket reports to functions, queues, topics and the default event bus. It replaces what the bucket has."),
)

var notificationsShape = objectOf("notifications",
	field("LambdaFunctionConfigurations", func(n *NotificationConfiguration) *[]Notification { return &n.LambdaFunctionConfigurations },
		listOf(0, maxNotifications, notificationShape("LambdaFunctionArn", "The function: one of this file, by its name or ARN.")), "Functions that receive events."),
	field("QueueConfigurations", func(n *NotificationConfiguration) *[]Notification { return &n.QueueConfigurations },
		listOf(0, maxNotifications, notificationShape("QueueArn", "The ARN of a standard SQS queue.")), "Queues that receive events."),
	field("TopicConfigurations", func(n *NotificationConfiguration) *[]Notification { return &n.TopicConfigurations },
		listOf(0, maxNotifications, notificationShape("TopicArn", "The ARN of a standard SNS topic.")), "Topics that receive events."),
	field("EventBridgeConfiguration", func(n *NotificationConfiguration) *bool { return &n.EventBridgeConfiguration }, emptyObject,
		"{}: every event of the bucket is sent to the default event bus."),
)

// notificationShape is the shape of one receiver, which key names.
func notificationShape(key, doc string) shape[Notification] {
	return objectOf("notification",
		field("Id", func(n *Notification) *string { return &n.Id }, textOf(matching(`.{1,255}`, "is not 1 to 255 characters long")),
			"The configurationId in events. Default: made from the receiver and the events."),
		required(field(key, func(n *Notification) *string { return &n.Arn }, textOf(notEmpty), doc)),
		required(field("Events", func(n *Notification) *[]string { return &n.Events }, listOf(1, 0, bucketEvent),
			"The events, such as [s3:ObjectCreated:*].")),
		field("Filter", func(n *Notification) *NotificationFilter { return &n.Filter }, notificationFilterShape,
			"Which objects: {Key: {FilterRules: [{Name: prefix, Value: in/}]}}. Default: all."),
	)
}

// bucketEvent is the name of an event. Inside {…} the parser takes s3:ObjectCreated:Put without quotes for the key s3 and its
// value, although YAML does not.
var bucketEvent = shape[string]{func(d *decoder, n *node, at string) (string, bool) {
	if n.kind == object && len(n.entries) == 1 && n.entries[0].value.kind == text {
		n = &node{place: n.place, kind: text, text: n.entries[0].key.text + ":" + n.entries[0].value.text}
	}
	return bucketEventText.read(d, n, at)
}, bucketEventText.schema}

var bucketEventText = textOf(oneOf(bucketEvents...))

type filterKey = struct{ FilterRules []FilterRule }

var notificationFilterShape = objectOf("notification filter",
	required(field("Key", func(f *NotificationFilter) *filterKey { return &f.Key }, objectOf("notification key",
		required(field("FilterRules", func(k *filterKey) *[]FilterRule { return &k.FilterRules }, listOf(0, 2, filterRuleShape),
			"At most one prefix and one suffix.")),
	), "The keys of objects.")),
)

var filterRuleShape = objectOf("filter rule",
	required(field("Name", func(r *FilterRule) *string { return &r.Name }, textOf(oneOf("prefix", "suffix", "Prefix", "Suffix")), "prefix or suffix.")),
	required(field("Value", func(r *FilterRule) *string { return &r.Value }, textOf(keyPartRule),
		"How keys begin or end: at most 1024 characters.")),
)

// keyPartRule requires at most as many characters as keys of objects may have.
var keyPartRule = rule{func(s string) string {
	if utf8.RuneCountInString(s) > maxKey {
		return fmt.Sprintf("is longer than %d characters", maxKey)
	}
	return ""
}, schema{"maxLength": maxKey}}

// maxKey is the greatest length of an object's key (AWS: "Naming Amazon S3 objects").
const maxKey = 1024

// emptyObject is {}.
var emptyObject = shape[bool]{func(d *decoder, n *node, at string) (bool, bool) {
	if n.kind != object || len(n.entries) > 0 {
		d.errorf(at, "should be {}: it has no settings")
		return false, false
	}
	return true, true
}, schema{"type": "object", "additionalProperties": false}}

// receiver is one configuration of a bucket, and its place.
type receiver struct {
	*Notification
	at string
}

// checkBuckets checks the notifications of buckets, and replaces names of functions with their ARNs.
func (d *decoder) checkBuckets(f *File) {
	for i, b := range f.Resources.Buckets {
		if c := b.NotificationConfiguration; c != nil {
			d.checkNotifications(f, c, fmt.Sprintf("Resources.Buckets[%d].NotificationConfiguration", i))
		}
	}
}

func (d *decoder) checkNotifications(f *File, c *NotificationConfiguration, at string) {
	var all []receiver
	for _, list := range []struct {
		name, key string
		items     []Notification
		check     func(n *Notification, at string)
	}{
		{"LambdaFunctionConfigurations", "LambdaFunctionArn", c.LambdaFunctionConfigurations, func(n *Notification, at string) {
			n.Arn = d.functionArn(f, n.Arn, at)
			d.checkWay(f, config.S3, at)
		}},
		{"QueueConfigurations", "QueueArn", c.QueueConfigurations, func(n *Notification, at string) {
			d.checkTarget(f, config.QueueDestination, n.Arn, at)
		}},
		{"TopicConfigurations", "TopicArn", c.TopicConfigurations, func(n *Notification, at string) {
			d.checkTarget(f, config.TopicDestination, n.Arn, at)
		}},
	} {
		for i := range list.items {
			one := receiver{&list.items[i], fmt.Sprintf("%s.%s[%d]", at, list.name, i)}
			if d.failedBelow(one.at) {
				continue
			}
			list.check(one.Notification, one.at+"."+list.key)
			d.checkNotification(one, all)
			all = append(all, one)
		}
	}
	if len(all) > maxNotifications {
		d.errorf(at, "has %d configurations, above %d", len(all), maxNotifications)
	}
}

// checkNotification checks a configuration against those before it. S3 refuses two for the same event of one object (AWS:
// "Configuring event notifications using object key name filtering").
func (d *decoder) checkNotification(n receiver, before []receiver) {
	rules := n.Filter.Key.FilterRules
	if len(rules) == 2 && strings.EqualFold(rules[0].Name, rules[1].Name) {
		d.errorf(n.at+".Filter.Key.FilterRules[1].Name", "is given twice: a filter has at most one prefix and one suffix")
	}
	for _, other := range before {
		switch {
		case n.Id != "" && n.Id == other.Id:
			d.errorf(n.at+".Id", "is that of %s", other.at)
		case n.overlaps(*other.Notification):
			d.errorf(n.at, "reports the same events as %s, which S3 refuses: give them different events, prefixes or suffixes", other.at)
		}
	}
}

// overlaps reports whether an event of an object may match both.
func (n Notification) overlaps(other Notification) bool {
	a, b := n.Filter, other.Filter
	return slices.ContainsFunc(n.Events, func(x string) bool {
		return slices.ContainsFunc(other.Events, func(y string) bool { return includes(x, y) || includes(y, x) })
	}) && extends(strings.HasPrefix, a.rule("prefix"), b.rule("prefix")) && extends(strings.HasSuffix, a.rule("suffix"), b.rule("suffix"))
}

// includes reports whether an event such as s3:ObjectCreated:* includes another.
func includes(event, other string) bool {
	all, any := strings.CutSuffix(event, "*")
	return event == other || any && strings.HasPrefix(other, all)
}

// extends reports whether one of a and b begins, or ends, with the other.
func extends(with func(s, part string) bool, a, b string) bool { return with(a, b) || with(b, a) }
