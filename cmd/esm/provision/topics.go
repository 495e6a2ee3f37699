package provision

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// topics lists the file's Topics.
func topics(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.Topics) == 0 {
		return nil, nil
	}
	client, err := c.SNS(ctx, file.Aws.EndpointOf(config.SNS), file.Aws.Region)
	for _, t := range file.Resources.Topics {
		topic := &topic{t, client, config.TopicARN(file.Aws.Region, file.Aws.AccountId, t.Name)}
		all = append(all, resource{name: "topic " + t.Name, describe: topic.describe, create: topic.create})
	}
	return all, err
}

type topic struct {
	configfile.Topic
	client *sns.Client
	arn    string // as the file names it, until the service returns another
}

func (t *topic) describe(ctx context.Context) (state, error) {
	if _, err := t.client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &t.arn}); err != nil {
		return notFound[*types.NotFoundException](err)
	}
	return state{exists: true}, nil
}

func (t *topic) create(ctx context.Context) error {
	created, err := t.client.CreateTopic(ctx, &sns.CreateTopicInput{Name: &t.Name})
	if err == nil && created.TopicArn != nil {
		t.arn = *created.TopicArn
	}
	return err
}
