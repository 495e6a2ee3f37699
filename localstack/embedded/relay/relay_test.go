package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/relay/relaytest"
)

const (
	queue   = "arn:aws:sqs:us-east-1:000000000000:q"
	missing = "arn:aws:sqs:us-east-1:000000000000:missing"
	bucket  = "arn:aws:s3:::b"
)

var errDisk = errors.New("disk full")

func TestSend(t *testing.T) {
	for _, test := range []struct {
		name, arn, dead string
		err             error    // of the target
		want            error    // of Send
		delivered       []string // ARNs and bodies
		givenUp         int
	}{
		{name: "delivered", arn: queue, delivered: []string{queue + " m"}},
		{name: "delivered, with a dead-letter queue", arn: queue, dead: queue, delivered: []string{queue + " m"}},
		{name: "refused", arn: missing, givenUp: 1},
		{name: "refused, with a dead-letter queue", arn: missing, dead: queue, delivered: []string{queue + " letter"}},
		{name: "refused twice", arn: missing, dead: missing, givenUp: 1},
		{name: "another service", arn: bucket, givenUp: 1},
		{name: "no ARN", arn: "q", givenUp: 1},
		{name: "failed", arn: queue, dead: queue, err: errDisk, want: errDisk},
		{name: "refused, and the dead-letter queue fails", arn: missing, dead: queue, err: errDisk, want: errDisk},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := &relaytest.Target{Missing: func(arn string) bool { return arn == missing }, Err: test.err}
			targets, givenUp := target.For("sqs"), 0
			targets.GivenUp = func(arn string, err error) {
				if givenUp++; arn != test.arn || err == nil {
					t.Errorf("gave up %s: %v", arn, err)
				}
			}
			var letter relay.Letter
			if test.dead != "" {
				letter = func(refusal error) (string, relay.Message) {
					if !strings.Contains(refusal.Error(), "missing") {
						t.Errorf("refused because of %v", refusal)
					}
					return test.dead, relay.Message{Body: "letter"}
				}
			}
			if err := targets.Send(t.Context(), test.arn, relay.Message{Body: "m"}, letter); !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("got %v, want %v", err, test.want)
			}
			var got []string
			for _, d := range target.Take() {
				got = append(got, d.String())
			}
			if !slices.Equal(got, test.delivered) || givenUp != test.givenUp {
				t.Errorf("delivered %q and gave up %d, want %q and %d", got, givenUp, test.delivered, test.givenUp)
			}
		})
	}
}

// A delivery that has begun does not end with the client's patience.
func TestSendOutlivesItsRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	targets := relay.Targets{Services: map[string]relay.Target{"sqs": patient{}}}
	if err := targets.Send(ctx, queue, relay.Message{}, nil); err != nil {
		t.Error(err)
	}
}

type patient struct{}

func (patient) Has(string) bool { return true }

func (patient) Deliver(ctx context.Context, _ string, _ relay.Message) error { return ctx.Err() }

func TestRefused(t *testing.T) {
	refusal := new(relaytest.Target)
	refusal.Missing = func(string) bool { return true }
	err := refusal.Deliver(t.Context(), queue, relay.Message{})
	if !relay.Refused(fmt.Errorf("wrapped: %w", err)) || relay.Refused(errDisk) || relay.Refused(nil) {
		t.Errorf("got %v of %v", relay.Refused(err), err)
	}
}

func TestServiceOf(t *testing.T) {
	for arn, want := range map[string]string{
		queue: "sqs", "arn:aws:s3:::b": "s3", "arn:aws:lambda:us-east-1:1:function:f:live": "lambda", "q": "", "": "", "arn:aws:sqs": "",
	} {
		if got := relay.ServiceOf(arn); got != want {
			t.Errorf("%s: got %q, want %q", arn, got, want)
		}
	}
}

// A header need not be UTF-8, and the messages that carry it must be.
func TestTraceOf(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Amzn-Trace-Id", "Root=1\xff;Sampled=1")
	if got, want := relay.TraceOf(r), "Root=1;Sampled=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
