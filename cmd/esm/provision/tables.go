package provision

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/esm-run/esm/cmd/esm/awsclient"
	"github.com/esm-run/esm/cmd/esm/configfile"
	"github.com/esm-run/esm/config"
)

// tables lists the file's Tables.
func tables(ctx context.Context, file *configfile.File, c *awsclient.Clients) (all []resource, err error) {
	if len(file.Resources.Tables) == 0 {
		return nil, nil
	}
	client, err := c.DynamoDB(ctx, file.Aws.EndpointOf(config.DynamoDB), file.Aws.Region)
	for _, t := range file.Resources.Tables {
		all = append(all, table{t, client}.resource())
	}
	return all, err
}

type table struct {
	configfile.Table
	client *dynamodb.Client
}

func (t table) resource() resource {
	return resource{
		name: "table " + t.TableName, describe: t.describe, create: t.create,
		count: len(t.Items), content: "item", put: t.put,
	}
}

func (t table) describe(ctx context.Context) (state, error) {
	out, err := t.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.TableName})
	if err != nil {
		return notFound[*types.ResourceNotFoundException](err)
	}
	at := state{exists: true}
	switch is := out.Table; is.TableStatus {
	case types.TableStatusCreating, types.TableStatusDeleting:
		at.pending = string(is.TableStatus)
	default:
		at.differs = t.differs(is)
	}
	return at, nil
}

// differs returns how the table's key and stream differ from the file. Billing is ignored.
func (t table) differs(is *types.TableDescription) (all []string) {
	compare := func(what, has, want string) {
		if has != want {
			all = append(all, fmt.Sprintf("%s is %s, in the file %s", what, has, want))
		}
	}
	compare("its key", keyText(is.KeySchema, is.AttributeDefinitions), keyText(t.keySchema(), t.definitions()))
	compare("its stream", streamText(is.StreamSpecification), streamText(t.stream()))
	return all
}

// keyText formats a key: "pk (HASH, S) and sk (RANGE, N)".
func keyText(key []types.KeySchemaElement, definitions []types.AttributeDefinition) (text string) {
	kinds := map[string]types.ScalarAttributeType{}
	for _, d := range definitions {
		kinds[*d.AttributeName] = d.AttributeType
	}
	for i, k := range key {
		if i > 0 {
			text += " and "
		}
		text += fmt.Sprintf("%s (%s, %s)", *k.AttributeName, k.KeyType, kinds[*k.AttributeName])
	}
	return text
}

// streamText returns the view type of a stream, or "none".
func streamText(s *types.StreamSpecification) string {
	if s == nil || !aws.ToBool(s.StreamEnabled) {
		return "none"
	}
	return string(s.StreamViewType)
}

func (t table) create(ctx context.Context) error {
	input := &dynamodb.CreateTableInput{
		TableName: &t.TableName, AttributeDefinitions: t.definitions(), KeySchema: t.keySchema(),
		BillingMode: types.BillingMode(t.BillingMode), StreamSpecification: t.stream(),
	}
	if p := t.ProvisionedThroughput; p != nil {
		input.ProvisionedThroughput = &types.ProvisionedThroughput{
			ReadCapacityUnits: aws.Int64(int64(p.ReadCapacityUnits)), WriteCapacityUnits: aws.Int64(int64(p.WriteCapacityUnits)),
		}
	}
	_, err := t.client.CreateTable(ctx, input)
	return unlessExists[*types.ResourceInUseException](err)
}

func (t table) definitions() (all []types.AttributeDefinition) {
	for _, a := range t.AttributeDefinitions {
		all = append(all, types.AttributeDefinition{AttributeName: &a.AttributeName, AttributeType: types.ScalarAttributeType(a.AttributeType)})
	}
	return all
}

func (t table) keySchema() (all []types.KeySchemaElement) {
	for _, k := range t.KeySchema {
		all = append(all, types.KeySchemaElement{AttributeName: &k.AttributeName, KeyType: types.KeyType(k.KeyType)})
	}
	return all
}

// stream returns nil if the table has no stream.
func (t table) stream() *types.StreamSpecification {
	if !t.Streams() {
		return nil
	}
	return &types.StreamSpecification{
		StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(t.StreamSpecification.StreamViewType),
	}
}

func (t table) put(ctx context.Context, i int) error {
	_, err := t.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.TableName, Item: sdkItem(t.Items[i])})
	return err
}
