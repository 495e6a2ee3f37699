package sns

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/relay"
)

// settings are the attributes of a subscription that callers set. The fields below the blank line follow from the others.
type settings struct {
	raw     bool
	filter  string // FilterPolicy
	scope   string // FilterPolicyScope; empty is the default
	redrive string // RedrivePolicy

	matches   func(document []byte) bool // nil accepts every message
	deadQueue string                     // ARN, or empty
}

// same reports whether callers have set the same.
func (s settings) same(as settings) bool {
	return s.raw == as.raw && s.filter == as.filter && s.scope == as.scope && s.redrive == as.redrive
}

// set sets one attribute. Whether the attributes fit together is checked by [Server.complete].
func (s *settings) set(name, value string) error {
	switch name {
	case "RawMessageDelivery":
		is, err := strconv.ParseBool(value)
		if err != nil {
			return invalidParameter("Attributes Reason: RawMessageDelivery: Invalid value [%s]. Must be true or false.", value)
		}
		s.raw = is
	case "FilterPolicy":
		s.filter = value
	case "FilterPolicyScope":
		s.scope = value
	case "RedrivePolicy":
		s.redrive = value
	case "DeliveryPolicy", "ReplayPolicy", "SubscriptionRoleArn":
		return unsupportedValue("AttributeName", name)
	default:
		return invalidParameter("AttributeName")
	}
	return nil
}

// complete checks the settings of a subscription with that protocol and fills in what follows from them.
func (s *Server) complete(set settings, protocol string) (settings, error) {
	if set.raw && protocol == "lambda" {
		return set, invalidParameter("Attributes Reason: Delivery protocol [%s] does not support raw message delivery.", protocol)
	}
	if set.scope != "" && set.scope != byAttributes && set.scope != byBody {
		return set, invalidParameter("Attributes Reason: FilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", set.scope)
	}
	var err error
	if set.matches, err = s.compile(set.filter, cmp.Or(set.scope, byAttributes)); err != nil {
		return set, err
	}
	set.deadQueue, err = s.parseRedrive(set.redrive)
	return set, err
}

// parseRedrive returns the queue of a RedrivePolicy.
func (s *Server) parseRedrive(text string) (queue string, err error) {
	if text == "" {
		return "", nil
	}
	var policy struct {
		Queue string `json:"deadLetterTargetArn"`
	}
	if json.Unmarshal([]byte(text), &policy) != nil {
		return "", invalidParameter("RedrivePolicy: failed to parse JSON.")
	}
	if relay.ServiceOf(policy.Queue) != "sqs" || strings.HasSuffix(policy.Queue, ".fifo") {
		return "", invalidParameter("RedrivePolicy: deadLetterTargetArn is an invalid arn")
	}
	return policy.Queue, nil
}

// shown returns the settings as GetSubscriptionAttributes shows them.
func (s settings) shown() map[string]string {
	texts := map[string]string{"RawMessageDelivery": strconv.FormatBool(s.raw)}
	if s.filter != "" {
		texts["FilterPolicy"], texts["FilterPolicyScope"] = s.filter, cmp.Or(s.scope, byAttributes)
	}
	if s.redrive != "" {
		texts["RedrivePolicy"] = s.redrive
	}
	return texts
}
