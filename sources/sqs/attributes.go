package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Attributes are those attributes of a queue that concern its pollers.
type Attributes struct {
	// VisibilityTimeout is how long a received message stays hidden: whole seconds, possibly 0.
	VisibilityTimeout time.Duration

	// MaxReceives is the redrive policy's maxReceiveCount: after so many receives a message moves to the dead-letter
	// queue. 0 means that the queue has no redrive policy.
	MaxReceives int
}

// The visibility timeout can be changed at any time. So it is asked for again now and then, concurrently with a receive.
const (
	refreshEvery  = time.Minute
	refreshWithin = time.Second
)

// Attributes asks the queue for its attributes. Errors may be those of [Queue.Receive].
func (q *Queue) Attributes(ctx context.Context) (Attributes, error) {
	url, err := q.address(ctx)
	if err != nil {
		return Attributes{}, q.failed("find", err)
	}
	attrs, err := q.ask(ctx, url)
	if err != nil {
		return Attributes{}, q.failed("read the attributes of", err)
	}
	return attrs, nil
}

func (q *Queue) visibility(ctx context.Context, url string) (time.Duration, error) {
	if f := q.facts(); !f.asked.IsZero() {
		return f.attrs.VisibilityTimeout, nil
	}
	attrs, err := q.ask(ctx, url)
	return attrs.VisibilityTimeout, err
}

// stale reports to one of its callers that the attributes are old.
func (q *Queue) stale(now time.Time) (stale bool) {
	q.learn(func(f *facts) {
		if stale = now.Sub(f.asked) >= refreshEvery; stale {
			f.asked = now
		}
	})
	return stale
}

// refresh asks for the attributes again. A failure keeps the old ones: if it matters, the receive fails as well.
func (q *Queue) refresh(ctx context.Context, url string) {
	ctx, cancel := context.WithTimeout(ctx, refreshWithin)
	defer cancel()
	_, _ = q.ask(ctx, url)
}

// ask asks for the attributes and keeps them.
func (q *Queue) ask(ctx context.Context, url string) (Attributes, error) {
	out, err := q.client.GetQueueAttributes(ctx, &sdk.GetQueueAttributesInput{
		QueueUrl:       &url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return Attributes{}, err
	}
	attrs, err := readAttributes(out.Attributes)
	if err != nil {
		return Attributes{}, err
	}
	q.learn(func(f *facts) { f.attrs, f.asked = attrs, time.Now() })
	return attrs, nil
}

func readAttributes(given map[string]string) (Attributes, error) {
	seconds, err := strconv.Atoi(given["VisibilityTimeout"])
	if err != nil {
		return Attributes{}, fmt.Errorf("its VisibilityTimeout is %q", given["VisibilityTimeout"])
	}
	attrs := Attributes{VisibilityTimeout: time.Duration(seconds) * time.Second}
	if policy := given["RedrivePolicy"]; policy != "" {
		if err := attrs.readRedrive(policy); err != nil {
			return Attributes{}, err
		}
	}
	return attrs, nil
}

// readRedrive reads a RedrivePolicy. Its count is a number or, as some tools write it, a string.
func (a *Attributes) readRedrive(policy string) error {
	var redrive struct {
		Count json.Number `json:"maxReceiveCount"`
	}
	err := json.Unmarshal([]byte(policy), &redrive)
	if err == nil {
		a.MaxReceives, err = strconv.Atoi(redrive.Count.String())
	}
	if err != nil {
		return fmt.Errorf("its RedrivePolicy is %q: %w", policy, err)
	}
	return nil
}
