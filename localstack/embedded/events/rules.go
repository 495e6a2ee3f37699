package events

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A rule passes events of its bus on to targets. The server's lock guards it.
type rule struct {
	name, arn, bus    string
	pattern, schedule string // one of them may be empty
	state             string
	description, role string
	matches           func(event []byte) bool // nil if there is no pattern
	targets           []target                // in the order of their IDs; replaced as a whole
	tags              map[string]string
}

// The states of rules.
const (
	enabled     = "ENABLED"
	disabled    = "DISABLED"
	enabledFull = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
)

// maxPattern is the longest pattern. AWS: "PutRule".
const maxPattern = 4096

type putRuleInput struct {
	Name, EventPattern, ScheduleExpression, State, Description, RoleArn, EventBusName string
	Tags                                                                              []tag
}

type putRuleOutput struct{ RuleArn string }

// putRule creates a rule or replaces one, which keeps its targets and tags.
func (s *Server) putRule(in putRuleInput) (out putRuleOutput, err error) {
	next, err := s.newRule(in)
	if err != nil {
		return out, err
	}
	defer s.lock()()
	b, err := s.bus(in.EventBusName)
	if err != nil {
		return out, err
	}
	if in.ScheduleExpression != "" && b.name != defaultBus {
		return out, invalid("ScheduleExpression is supported only on the default event bus.")
	}
	next.bus, next.arn = b.name, s.Account.ARN("events", "rule/"+b.name+"/"+in.Name)
	if b.name == defaultBus {
		next.arn = s.Account.ARN("events", "rule/"+in.Name)
	}
	if known := b.rules[in.Name]; known != nil {
		next.targets, next.tags = known.targets, known.tags
	}
	b.rules[in.Name] = next
	return putRuleOutput{next.arn}, nil
}

// newRule checks a rule.
func (s *Server) newRule(in putRuleInput) (*rule, error) {
	if err := checkName(in.Name, "name", 64); err != nil {
		return nil, err
	}
	r := &rule{
		name: in.Name, pattern: in.EventPattern, schedule: in.ScheduleExpression, state: cmp.Or(in.State, enabled),
		description: in.Description, role: in.RoleArn,
	}
	var err error
	switch {
	case r.pattern == "" && r.schedule == "":
		return nil, invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case !slices.Contains([]string{enabled, disabled, enabledFull}, r.state):
		return nil, malformed(r.state, "state", "Member must satisfy enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]")
	case len(r.description) > 512:
		return nil, malformed(r.description, "description", "Member must have length less than or equal to 512")
	}
	if r.schedule != "" {
		if err := s.checkSchedule(r.schedule); err != nil {
			return nil, err
		}
	}
	if r.pattern != "" {
		if r.matches, err = s.compile(r.pattern); err != nil {
			return nil, err
		}
	}
	r.tags, err = withTags(nil, in.Tags)
	return r, err
}

// compile returns the test that a pattern makes.
func (s *Server) compile(pattern string) (func([]byte) bool, error) {
	if s.Pattern == nil {
		return nil, invalid("EventPattern is not supported by the embedded EventBridge: this server was made without a compiler of patterns.")
	}
	if len(pattern) > maxPattern {
		return nil, malformed(pattern, "eventPattern", "Member must have length less than or equal to 4096")
	}
	matches, err := s.Pattern([]byte(pattern))
	if err != nil {
		return nil, wire.Errorf("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
	}
	return matches, nil
}

type ruleInput struct{ Name, EventBusName string }

type shownRule struct {
	Name, Arn          string
	EventPattern       string `json:",omitempty"`
	ScheduleExpression string `json:",omitempty"`
	State              string
	Description        string `json:",omitempty"`
	RoleArn            string `json:",omitempty"`
	EventBusName       string
	CreatedBy          string `json:",omitempty"` // in DescribeRule only
}

func (r *rule) shown() shownRule {
	return shownRule{r.name, r.arn, r.pattern, r.schedule, r.state, r.description, r.role, r.bus, ""}
}

func (s *Server) describeRule(in ruleInput) (out shownRule, err error) {
	defer s.lock()()
	r, err := s.rule(in.EventBusName, in.Name)
	if err != nil {
		return out, err
	}
	out = r.shown()
	out.CreatedBy = s.Account.OrDefault().ID
	return out, nil
}

type listRulesInput struct {
	NamePrefix, EventBusName, NextToken string
	Limit                               *int
}

type listRulesOutput struct {
	Rules     []shownRule
	NextToken string `json:",omitempty"`
}

func (s *Server) listRules(in listRulesInput) (out listRulesOutput, err error) {
	defer s.lock()()
	b, err := s.bus(in.EventBusName)
	if err != nil {
		return out, err
	}
	rules, next, err := page(sorted(b.rules, in.NamePrefix), in.NextToken, in.Limit, func(r *rule) string { return r.name })
	if err != nil {
		return out, err
	}
	out.Rules, out.NextToken = []shownRule{}, next
	for _, r := range rules {
		out.Rules = append(out.Rules, r.shown())
	}
	return out, nil
}

func (s *Server) enableRule(in ruleInput) error { return s.setState(in, enabled) }

func (s *Server) disableRule(in ruleInput) error { return s.setState(in, disabled) }

func (s *Server) setState(in ruleInput, state string) error {
	defer s.lock()()
	r, err := s.rule(in.EventBusName, in.Name)
	if err != nil {
		return err
	}
	r.state = state
	return nil
}

// deleteRule deletes a rule if it exists. AWS: "DeleteRule".
func (s *Server) deleteRule(in ruleInput) error {
	defer s.lock()()
	b, err := s.bus(in.EventBusName)
	if err != nil {
		return err
	}
	if r := b.rules[in.Name]; r != nil && len(r.targets) > 0 {
		return invalid("Rule can't be deleted since it has targets.")
	}
	delete(b.rules, in.Name)
	return nil
}

type testPatternInput struct{ EventPattern, Event string }

type testPatternOutput struct{ Result bool }

// testPattern matches an event, which must have the members of one, with a pattern.
func (s *Server) testPattern(in testPatternInput) (out testPatternOutput, err error) {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(in.Event), &members) != nil {
		return out, invalid("Parameter Event is not valid.")
	}
	for _, name := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if members[name] == nil {
			return out, invalid("Parameter Event is not valid. Reason: %s is missing.", name)
		}
	}
	matches, err := s.compile(in.EventPattern)
	if err != nil {
		return out, err
	}
	return testPatternOutput{matches([]byte(in.Event))}, nil
}
