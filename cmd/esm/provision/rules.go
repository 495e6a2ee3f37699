package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// buses lists the file's EventBuses.
func buses(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.EventBuses) == 0 {
		return nil, nil
	}
	client, err := c.EventBridge(ctx, file.Aws.EndpointOf(config.EventBridge), file.Aws.Region)
	for _, b := range file.Resources.EventBuses {
		bus := bus{b.Name, client}
		all = append(all, resource{name: "event bus " + b.Name, describe: bus.describe, create: bus.create})
	}
	return all, err
}

type bus struct {
	name   string
	client *eventbridge.Client
}

func (b bus) describe(ctx context.Context) (state, error) {
	if _, err := b.client.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: &b.name}); err != nil {
		return notFound[*types.ResourceNotFoundException](err)
	}
	return state{exists: true}, nil
}

func (b bus) create(ctx context.Context) error {
	_, err := b.client.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: &b.name})
	return unlessExists[*types.ResourceAlreadyExistsException](err)
}

// rule makes a rule with a pattern. Its schedule, if it has one, is the engine's affair.
type rule struct {
	configfile.Rule
	client *eventbridge.Client
}

func (r *rule) resource() resource {
	return resource{name: "rule " + r.Name, describe: r.describe, create: r.put}
}

// describe reports a rule that differs from the file as one that does not exist, so that put replaces it.
func (r *rule) describe(ctx context.Context) (state, error) {
	is, err := r.client.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: &r.Name, EventBusName: &r.EventBusName})
	if err != nil {
		return notFound[*types.ResourceNotFoundException](err)
	}
	return state{exists: sameAttribute(aws.ToString(is.EventPattern), r.EventPattern) && is.State == r.state()}, nil
}

func (r *rule) state() types.RuleState {
	if r.Disabled {
		return types.RuleStateDisabled
	}
	return types.RuleStateEnabled
}

func (r *rule) put(ctx context.Context) error {
	_, err := r.client.PutRule(ctx, &eventbridge.PutRuleInput{
		Name: &r.Name, EventBusName: &r.EventBusName, EventPattern: &r.EventPattern, State: r.state(),
	})
	return err
}

// targets makes the targets of a rule.
type targets struct {
	client *eventbridge.Client
	rule   configfile.Rule
	want   []configfile.RuleTarget
}

func (t *targets) resource() resource {
	return resource{name: "targets of rule " + t.rule.Name, made: "connected", describe: t.describe, create: t.put}
}

// describe reports targets as missing unless the rule has all of them as the file says. It may have further ones.
func (t *targets) describe(ctx context.Context) (state, error) {
	has := map[configfile.RuleTarget]bool{}
	in := &eventbridge.ListTargetsByRuleInput{Rule: &t.rule.Name, EventBusName: &t.rule.EventBusName}
	for {
		page, err := t.client.ListTargetsByRule(ctx, in)
		if err != nil {
			return notFound[*types.ResourceNotFoundException](err)
		}
		for _, x := range page.Targets {
			has[configfile.RuleTarget{Id: aws.ToString(x.Id), Arn: aws.ToString(x.Arn), Input: aws.ToString(x.Input), InputPath: aws.ToString(x.InputPath)}] = true
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	for _, w := range t.want {
		if !has[w] {
			return state{}, nil
		}
	}
	return state{exists: true}, nil
}

func (t *targets) put(ctx context.Context) error {
	in := &eventbridge.PutTargetsInput{Rule: &t.rule.Name, EventBusName: &t.rule.EventBusName}
	for _, w := range t.want {
		in.Targets = append(in.Targets, types.Target{Id: &w.Id, Arn: &w.Arn, Input: given(w.Input), InputPath: given(w.InputPath)})
	}
	out, err := t.client.PutTargets(ctx, in)
	if err != nil {
		return err
	}
	var refused []error
	for _, e := range out.FailedEntries {
		refused = append(refused, fmt.Errorf("target %s: %s: %s", aws.ToString(e.TargetId), aws.ToString(e.ErrorCode), aws.ToString(e.ErrorMessage)))
	}
	return errors.Join(refused...)
}
