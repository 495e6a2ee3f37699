package configfile

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine/policy"
)

// EventBus is a custom event bus to create.
type EventBus struct{ Name string }

// Rule is a rule of EventBridge, with the fields of PutRule and PutTargets. It has a pattern, a schedule or both. The engine
// runs schedules itself; patterns are matched by the service.
type Rule struct {
	Name               string
	EventBusName       string // "default" or one of Resources.EventBuses
	EventPattern       string // JSON; may be empty
	ScheduleExpression string // rate(…) or cron(…); may be empty
	Disabled           bool
	Targets            []RuleTarget
}

// RuleTarget receives the events of a rule.
type RuleTarget struct {
	Id        string
	Arn       string // of a function of this file, a standard queue or a standard topic
	Input     string // JSON sent in place of the event; empty means the event
	InputPath string // of the part of the event that is sent; empty means all of it
}

// Schedule returns the rule's schedule, or false if it has none.
func (r Rule) Schedule() (policy.Schedule, bool) {
	s, err := policy.ParseSchedule(r.ScheduleExpression)
	return s, err == nil
}

// DefaultBus is the event bus that every account has.
const DefaultBus = "default"

// Limits of EventBridge (AWS: "Amazon EventBridge endpoints and quotas").
const (
	maxRuleTargets = 5
	maxRuleInput   = 8192 // characters
)

var busShape = objectOf("event bus",
	required(field("Name", func(b *EventBus) *string { return &b.Name },
		textOf(matching(`[A-Za-z0-9._-]{1,256}`, "is not the name of a custom event bus: 1 to 256 letters, digits, ., - and _")),
		"The event bus's name. The bus default exists always.")),
)

var ruleShape = objectFrom(Rule{EventBusName: DefaultBus}, inRule,
	required(field("Name", func(r *Rule) *string { return &r.Name },
		textOf(matching(`[A-Za-z0-9._-]{1,64}`, "is not a rule's name: 1 to 64 letters, digits, ., - and _")),
		"The rule's name.")),
	field("EventBusName", func(r *Rule) *string { return &r.EventBusName }, textOf(notEmpty),
		"The event bus whose events the rule matches: one of EventBuses, or default, the default."),
	field("EventPattern", func(r *Rule) *string { return &r.EventPattern }, textOf(jsonRule),
		`The events to match: JSON text, such as '{"source": ["shop"]}'.`),
	field("ScheduleExpression", func(r *Rule) *string { return &r.ScheduleExpression }, textOf(notEmpty),
		"When the rule runs, in UTC: rate(5 minutes) or cron(0 8 ? * MON-FRI *)."),
	field("State", func(r *Rule) *bool { return &r.Disabled }, ruleState,
		"ENABLED or DISABLED. Default ENABLED."),
	required(field("Targets", func(r *Rule) *[]RuleTarget { return &r.Targets }, listOf(1, maxRuleTargets, ruleTargetShape),
		"What receives the events: 1 to 5 functions, queues and topics.")),
)

// ruleState is the State of a rule: true means DISABLED.
var ruleState = shape[bool]{func(d *decoder, n *node, at string) (bool, bool) {
	state, ok := ruleStateText.read(d, n, at)
	return state == "DISABLED", ok
}, ruleStateText.schema}

var ruleStateText = textOf(oneOf("ENABLED", "DISABLED"))

var ruleTargetShape = objectOf(inRuleTarget,
	required(field("Id", func(t *RuleTarget) *string { return &t.Id },
		textOf(matching(`[A-Za-z0-9._-]{1,64}`, "is not the ID of a target: 1 to 64 letters, digits, ., - and _")),
		"Identifies the target within the rule.")),
	required(field("Arn", func(t *RuleTarget) *string { return &t.Arn }, textOf(notEmpty),
		"A function of this file, by its name or ARN, or the ARN of a standard SQS queue or SNS topic.")),
	field("Input", func(t *RuleTarget) *string { return &t.Input }, textOf(jsonValueRule),
		"JSON text that is sent in place of the event."),
	field("InputPath", func(t *RuleTarget) *string { return &t.InputPath }, textOf(inputPathRule),
		"The part of the event that is sent, such as $.detail."),
)

// jsonValueRule requires the text of a JSON value that a target may receive.
var jsonValueRule = rule{func(s string) string {
	switch {
	case !json.Valid([]byte(s)):
		return "is not the text of a JSON value"
	case len(s) > maxRuleInput:
		return fmt.Sprintf("is longer than %d characters", maxRuleInput)
	}
	return ""
}, schema{}}

// inputPathRule requires a path of at most 256 characters.
var inputPathRule = rule{func(s string) string {
	if _, err := policy.ParseInputPath(s); err != nil {
		return err.Error()
	}
	if len(s) > 256 {
		return "is longer than 256 characters"
	}
	return ""
}, schema{"pattern": orVariable(`\$.*`)}}

// checkRules checks event buses and rules, and replaces names of functions with their ARNs.
func (d *decoder) checkRules(f *File) {
	buses := map[string]bool{DefaultBus: true}
	for i, b := range f.Resources.EventBuses {
		if b.Name == DefaultBus {
			d.errorf(fmt.Sprintf("Resources.EventBuses[%d].Name", i), "is the bus that exists always: remove it")
		}
		buses[b.Name] = true
	}
	first := map[string]int{}
	for i := range f.Resources.Rules {
		r, at := &f.Resources.Rules[i], fmt.Sprintf("Resources.Rules[%d]", i)
		if d.failed[at+".Name"] || d.failed[at+".EventBusName"] {
			continue
		}
		if !buses[r.EventBusName] {
			d.errorf(at+".EventBusName", "is neither default nor one of Resources.EventBuses: list it there")
		}
		name := r.EventBusName + "/" + r.Name
		if other, twice := first[name]; twice {
			d.errorf(at+".Name", "is that of Resources.Rules[%d]", other)
			continue
		}
		first[name] = i
		d.checkRule(f, r, at)
	}
}

func (d *decoder) checkRule(f *File, r *Rule, at string) {
	pattern, schedule := at+".EventPattern", at+".ScheduleExpression"
	if r.EventPattern == "" && r.ScheduleExpression == "" && !d.failed[pattern] && !d.failed[schedule] {
		d.errorf(schedule, "is missing, and so is EventPattern: give one of them, or both")
	}
	if r.EventPattern != "" {
		d.checkPattern(r.EventPattern, pattern)
		if f.Aws.EndpointOf(config.EventBridge) == "" {
			d.errorf(pattern, "needs an endpoint: rules with a pattern are created only where one is set, never on AWS itself: give Aws.Endpoint or Aws.Endpoints.events")
		}
	}
	if r.ScheduleExpression != "" {
		d.checkSchedule(*r, at)
	}
	first := map[string]int{}
	for i := range r.Targets {
		t, at := &r.Targets[i], fmt.Sprintf("%s.Targets[%d]", at, i)
		if d.failedBelow(at) {
			continue
		}
		if other, twice := first[t.Id]; twice {
			d.errorf(at+".Id", "is that of Targets[%d]", other)
		}
		first[t.Id] = i
		if t.Input != "" && t.InputPath != "" {
			d.errorf(at+".InputPath", "is given together with Input: remove one")
		}
		d.checkRuleTarget(f, *r, t, at+".Arn")
	}
}

func (d *decoder) checkSchedule(r Rule, at string) {
	path := at + ".ScheduleExpression"
	s, err := policy.ParseSchedule(r.ScheduleExpression)
	switch {
	case err != nil && d.expanded[path]:
		d.errorf(path, "is neither rate(value unit) nor cron(minutes hours day-of-month month day-of-week year)")
	case err != nil:
		d.errorf(path, "%v", err)
	case r.EventBusName != DefaultBus:
		d.errorf(at+".EventBusName", "has no schedules, which are for the default event bus alone: remove it, or ScheduleExpression")
	case s.Next(d.now, d.now).IsZero():
		d.warnf(path, "names no time after now: it never runs")
	}
}

// ruleTargets are the kinds of targets that are not functions.
var ruleTargets = []*config.DestinationKind{config.QueueDestination, config.TopicDestination}

// checkRuleTarget checks a target, and replaces the name of a function with its ARN.
func (d *decoder) checkRuleTarget(f *File, r Rule, t *RuleTarget, at string) {
	a, err := config.ParseARN(t.Arn)
	for _, kind := range ruleTargets {
		if a.Service == kind.Service {
			d.checkTarget(f, kind, t.Arn, at)
			return
		}
	}
	switch {
	case err != nil && strings.HasPrefix(t.Arn, "arn:"):
		d.errorf(at, "%v", err)
	case err == nil && a.Service != config.FunctionDestination.Service:
		d.errorf(at, "cannot be a target in this version: give a function of this file, or the ARN of %s or %s",
			config.QueueDestination.Name, config.TopicDestination.Name)
	default:
		t.Arn = d.functionArn(f, t.Arn, at)
		if r.EventPattern != "" {
			d.checkWay(f, config.EventBridge, at)
		}
	}
}
