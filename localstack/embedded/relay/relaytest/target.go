// Package relaytest helps to test services that deliver to others.
package relaytest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/esm-run/esm/localstack/embedded/relay"
	"github.com/esm-run/esm/localstack/embedded/wire"
)

// A Target records what is delivered to it. Its methods may be called concurrently.
type Target struct {
	// Missing reports whether an ARN does not exist, so that deliveries to it are refused. Nil: every ARN exists.
	Missing func(arn string) bool
	// Err fails every delivery that is not refused.
	Err error

	mu  sync.Mutex
	got []Delivery
}

// A Delivery is a message that was delivered.
type Delivery struct {
	ARN string
	relay.Message
}

// String returns the ARN, the subject, the body, the attributes in the order of their names, the group and the trace header;
// parts that are empty are left out.
func (d Delivery) String() string {
	parts := []string{d.ARN, d.Subject, d.Body}
	for _, name := range slices.Sorted(maps.Keys(d.Attributes)) {
		parts = append(parts, fmt.Sprintf("%s=%s:%s", name, d.Attributes[name].Type, d.Attributes[name].Value))
	}
	parts = append(parts, d.Group, d.Trace)
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}

// For returns targets that consist of t alone, under each of those services.
func (t *Target) For(services ...string) relay.Targets {
	all := relay.Targets{Services: make(map[string]relay.Target)}
	for _, service := range services {
		all.Services[service] = t
	}
	return all
}

// Has reports whether the ARN is not missing.
func (t *Target) Has(arn string) bool { return t.Missing == nil || !t.Missing(arn) }

// Deliver records a delivery, refuses it or fails.
func (t *Target) Deliver(_ context.Context, arn string, m relay.Message) error {
	switch {
	case !t.Has(arn):
		return wire.Errorf("ResourceNotFoundException", "%s is missing", arn)
	case t.Err != nil:
		return t.Err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.got = append(t.got, Delivery{arn, m})
	return nil
}

// Take returns what was delivered since the last Take.
func (t *Target) Take() []Delivery {
	t.mu.Lock()
	defer t.mu.Unlock()
	got := t.got
	t.got = nil
	return got
}
