// Package relay connects the stand-in's services with each other and with functions: it describes what S3, SNS and
// EventBridge send to queues, topics and functions.
//
// AWS delivers in the background. Here a delivery is made within the request that causes it, and that request succeeds only
// if the delivery was made or the target refused it. So whoever got a success knows what on AWS they may rely on: the event
// reaches its targets at least once.
package relay

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Message is sent to a target. What a kind of target does not have is ignored: a function gets Body and Trace only.
type Message struct {
	// Body is the text: JSON for a function.
	Body string
	// Subject is the subject of a notification. Only topics have it.
	Subject string
	// Attributes are the message attributes by name. Queues and topics have them.
	Attributes map[string]Attribute
	// Group is the message group. FIFO queues require it.
	Group string
	// Trace is the trace header that the message passes on, in the form of X-Amzn-Trace-Id, or empty.
	Trace string
}

// An Attribute is a message attribute. A binary Value is in base64.
type Attribute struct{ Type, Value string }

// A Target is where one service delivers. Its methods may be called concurrently, and without a lock of the caller's held.
type Target interface {
	// Has reports whether something with that ARN exists.
	Has(arn string) bool

	// Deliver delivers m and returns when it is delivered. If the error has a [*wire.Error] in its tree, the target
	// refuses m, now and later. Any other error means that m may not have been delivered, and that trying again may help.
	Deliver(ctx context.Context, arn string, m Message) error
}

// Refused reports whether a target refused the message, so that trying again does not help.
func Refused(err error) bool {
	_, refused := errors.AsType[*wire.Error](err)
	return refused
}

// Targets are all targets. The zero Targets has none. It may not change once it is used.
type Targets struct {
	// Services holds the targets by the service in their ARNs.
	Services map[string]Target
	// GivenUp, if not nil, is called with every delivery that is given up: its target refused it, and there is no
	// dead-letter queue or that refused it too. It must not block.
	GivenUp func(arn string, err error)
}

// Has reports whether the target with that ARN exists.
func (t *Targets) Has(arn string) bool {
	target := t.Services[ServiceOf(arn)]
	return target != nil && target.Has(arn)
}

// A Letter returns the dead letter for a message that was refused, and the ARN of the queue to send it to.
type Letter func(refusal error) (queue string, letter Message)

// Send delivers m to the target with that ARN. If the target refuses m, the letter is sent to its queue. A nil letter is
// none. The error is one that trying again may help against: a refusal is reported to t.GivenUp at most.
func (t *Targets) Send(ctx context.Context, arn string, m Message, letter Letter) error {
	err := t.deliver(ctx, arn, m)
	if err == nil || !Refused(err) {
		return err
	}
	return t.Bury(ctx, arn, err, letter)
}

// Bury sends the letter for a delivery that was given up. Its error is that of [Targets.Send].
func (t *Targets) Bury(ctx context.Context, arn string, refusal error, letter Letter) error {
	if letter != nil {
		queue, m := letter(refusal)
		err := t.deliver(ctx, queue, m)
		if err == nil || !Refused(err) {
			return err
		}
		refusal = errors.Join(refusal, err)
	}
	if t.GivenUp != nil {
		t.GivenUp(arn, refusal)
	}
	return nil
}

// deliver delivers within a request that may be gone before it is answered: what caused the delivery has happened.
func (t *Targets) deliver(ctx context.Context, arn string, m Message) error {
	target := t.Services[ServiceOf(arn)]
	if target == nil {
		return wire.Errorf("ResourceNotFoundException", "nothing with the ARN %s is here", arn)
	}
	return target.Deliver(context.WithoutCancel(ctx), arn, m)
}

// ServiceOf returns the service in an ARN, or "" if text is not an ARN.
func ServiceOf(text string) string {
	parts := strings.SplitN(text, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ""
	}
	return parts[2]
}

// TraceOf returns the trace header of a request, or "".
func TraceOf(r *http.Request) string { return strings.ToValidUTF8(r.Header.Get("X-Amzn-Trace-Id"), "") }
