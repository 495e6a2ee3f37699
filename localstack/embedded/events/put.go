package events

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// Limits of PutEvents. AWS: "Amazon EventBridge quotas".
const (
	maxEntries = 10
	maxEntry   = 1 << 20 // bytes of all entries together
)

// An entry is an event as a producer puts it.
type entry struct {
	EventBusName, Source, DetailType, Detail, TraceHeader string
	Resources                                             []string
	Time                                                  *float64 // seconds since 1970
}

type putEventsInput struct {
	Entries    []entry
	EndpointId string
}

// A putResult has an EventId, or an ErrorCode and an ErrorMessage.
type putResult struct {
	EventId      string `json:",omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

type putEventsOutput struct {
	FailedEntryCount int
	Entries          []putResult
}

// putEvents puts entry by entry: one that fails does not affect the others.
func (s *Server) putEvents(r *http.Request, in putEventsInput) (out putEventsOutput, err error) {
	if in.EndpointId != "" {
		return out, unsupported("EndpointId")
	}
	if len(in.Entries) == 0 || len(in.Entries) > maxEntries {
		return out, malformed(len(in.Entries), "entries", "Member must have length between 1 and 10")
	}
	size := 0
	for _, e := range in.Entries {
		size += e.size()
	}
	if size > maxEntry {
		return out, invalid("Total size of the entries in the request is over the limit.")
	}
	trace := relay.TraceOf(r)
	for _, e := range in.Entries {
		id, err := s.putEntry(r.Context(), e, trace)
		if err == nil {
			out.Entries = append(out.Entries, putResult{EventId: id})
			continue
		}
		reason := wire.AsError(err)
		out.Entries = append(out.Entries, putResult{ErrorCode: reason.ErrorCode(), ErrorMessage: reason.Message})
		out.FailedEntryCount++
	}
	return out, nil
}

// size returns what counts against the limit. AWS: "Calculating Amazon EventBridge PutEvents event entry size".
func (e entry) size() int {
	size := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		size += 14
	}
	for _, resource := range e.Resources {
		size += len(resource)
	}
	return size
}

func (s *Server) putEntry(ctx context.Context, e entry, trace string) (id string, err error) {
	detail, err := e.check()
	if err != nil {
		return "", err
	}
	event := relay.Event{Source: e.Source, DetailType: e.DetailType, Time: time.Now(), Resources: e.Resources, Detail: detail}
	if e.Time != nil {
		event.Time = time.UnixMilli(int64(math.Round(*e.Time * 1000)))
	}
	return s.put(ctx, e.EventBusName, event, cmp.Or(e.TraceHeader, trace))
}

// check returns the detail, or why an entry fails.
func (e entry) check() (json.RawMessage, error) {
	for _, m := range []struct{ name, value string }{{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail}} {
		if m.value == "" {
			return nil, wire.Errorf("InvalidArgument", "Parameter %s is not valid. Reason: %[1]s is a required argument.", m.name)
		}
	}
	if len(e.DetailType) > 128 {
		return nil, wire.Errorf("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType has at most 128 characters.")
	}
	if e.Time != nil && !(*e.Time >= 0 && *e.Time < 253402300800) {
		return nil, wire.Errorf("InvalidArgument", "Parameter Time is not valid.")
	}
	var detail bytes.Buffer
	if json.Compact(&detail, []byte(e.Detail)) != nil || detail.Bytes()[0] != '{' {
		return nil, wire.Errorf("MalformedDetail", "Detail is malformed.")
	}
	return detail.Bytes(), nil
}

// Put puts an event of another service onto the default bus. Its error is one that trying again may help against.
func (s *Server) Put(ctx context.Context, e relay.Event, trace string) error {
	_, err := s.put(ctx, "", e, trace)
	return err
}

// An envelope is an event as targets get it. AWS: "AWS service event metadata".
type envelope struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// put gives an event to the rules of a bus that match it. As on AWS, a bus that does not exist takes it too.
func (s *Server) put(ctx context.Context, busName string, e relay.Event, trace string) (id string, err error) {
	account := s.Account.OrDefault()
	id = uuid.NewString()
	event := relay.JSON(envelope{
		Version: "0", ID: id, DetailType: e.DetailType, Source: e.Source, Account: account.ID,
		Time: e.Time.UTC().Format("2006-01-02T15:04:05Z"), Region: account.Region,
		Resources: append([]string{}, e.Resources...), Detail: e.Detail,
	})
	for _, r := range s.active(busName) {
		if !r.matches(event) {
			continue
		}
		for _, t := range r.targets {
			if err := s.Targets.Send(ctx, t.Arn, t.message(event, trace), t.letter(r.arn, event, trace)); err != nil {
				return "", err
			}
		}
	}
	return id, nil
}

// active returns the rules of a bus that are enabled and have patterns, in the order of their names.
func (s *Server) active(busName string) (rules []rule) {
	defer s.lock()()
	b, err := s.bus(busName)
	if err != nil {
		return nil
	}
	for _, r := range sorted(b.rules, "") {
		if r.state != disabled && r.matches != nil {
			rules = append(rules, *r)
		}
	}
	return rules
}

// message returns what the target gets of an event.
func (t target) message(event []byte, trace string) relay.Message {
	m := relay.Message{Body: string(event), Trace: trace}
	switch {
	case t.Input != "":
		m.Body = t.Input
	case t.InputPath != "":
		m.Body = string(t.path.of(event))
	}
	if t.SqsParameters != nil {
		m.Group = t.SqsParameters.MessageGroupId
	}
	return m
}

// letter returns the dead letter of an event by the target's DeadLetterConfig, or nil without one. AWS: "Using dead-letter
// queues to process undelivered events in EventBridge".
func (t target) letter(ruleARN string, event []byte, trace string) relay.Letter {
	if t.DeadLetterConfig == nil || t.DeadLetterConfig.Arn == "" {
		return nil
	}
	return func(refusal error) (string, relay.Message) {
		reason := wire.AsError(refusal)
		text := func(value string) relay.Attribute { return relay.Attribute{Type: "String", Value: value} }
		return t.DeadLetterConfig.Arn, relay.Message{
			Body: string(event), Trace: trace,
			Attributes: map[string]relay.Attribute{
				"RULE_ARN": text(ruleARN), "TARGET_ARN": text(t.Arn), "ERROR_CODE": text(reason.ErrorCode()), "ERROR_MESSAGE": text(reason.Message),
			},
		}
	}
}
