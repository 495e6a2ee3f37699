package api

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/esm-run/esm"
)

// TestSDK drives the calls about events, URLs and settings with an SDK, which reads paths, members and exceptions as the API
// model says.
func TestSDK(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	r.Provisioner = provisioner{r, Provisioning{Allocated: 2, Available: 1, Status: ProvisioningReady}}
	c := r.client(t)
	f, queue := aws.String("f"), aws.String("arn:aws:sqs:us-east-1:123456789012:failed")

	invoked, err := c.Invoke(ctx, &lambda.InvokeInput{FunctionName: f, InvocationType: types.InvocationTypeEvent, Payload: []byte("{}")})
	if err != nil || invoked.StatusCode != 202 || len(invoked.Payload) > 0 || invoked.ExecutedVersion != nil {
		t.Errorf("Invoke: %v, %+v", err, invoked)
	}
	put, err := c.PutFunctionEventInvokeConfig(ctx, &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: f, MaximumRetryAttempts: aws.Int32(1), DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: queue}},
	})
	if err != nil || !put.LastModified.Equal(modified) || *put.FunctionArn != functionARN+"f:$LATEST" || put.MaximumEventAgeInSeconds != nil {
		t.Errorf("Put: %v, %+v", err, put)
	}
	if _, err := c.UpdateFunctionEventInvokeConfig(ctx, &lambda.UpdateFunctionEventInvokeConfigInput{FunctionName: f, MaximumEventAgeInSeconds: aws.Int32(60)}); err != nil {
		t.Error(err)
	}
	got, err := c.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: f, Qualifier: aws.String("$LATEST")})
	if err != nil || *got.MaximumRetryAttempts != 1 || *got.MaximumEventAgeInSeconds != 60 || *got.DestinationConfig.OnFailure.Destination != *queue {
		t.Errorf("Get: %v, %+v", err, got)
	}
	listed, err := c.ListFunctionEventInvokeConfigs(ctx, &lambda.ListFunctionEventInvokeConfigsInput{FunctionName: f, MaxItems: aws.Int32(50)})
	if err != nil || len(listed.FunctionEventInvokeConfigs) != 1 {
		t.Errorf("List: %v, %+v", err, listed)
	}
	if _, err := c.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{FunctionName: f}); err != nil {
		t.Error(err)
	}
	_, err = c.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{FunctionName: f})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok {
		t.Errorf("Get after Delete: %v", err)
	}

	made, err := c.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{
		FunctionName: f, AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeResponseStream,
		Cors: &types.Cors{AllowOrigins: []string{"*"}, MaxAge: aws.Int32(1)},
	})
	if err != nil || made.FunctionUrl == nil || *made.Cors.MaxAge != 1 {
		t.Errorf("CreateFunctionUrlConfig: %v, %+v", err, made)
	}
	_, err = c.CreateFunctionUrlConfig(ctx, &lambda.CreateFunctionUrlConfigInput{FunctionName: f, AuthType: types.FunctionUrlAuthTypeNone})
	if _, ok := errors.AsType[*types.ResourceConflictException](err); !ok {
		t.Errorf("CreateFunctionUrlConfig again: %v", err)
	}
	urls, err := c.ListFunctionUrlConfigs(ctx, &lambda.ListFunctionUrlConfigsInput{FunctionName: f})
	if err != nil || len(urls.FunctionUrlConfigs) != 1 || *urls.FunctionUrlConfigs[0].FunctionUrl != *made.FunctionUrl {
		t.Errorf("ListFunctionUrlConfigs: %v, %+v", err, urls)
	}

	latest := aws.String("$LATEST")
	asked, err := c.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: latest, ProvisionedConcurrentExecutions: aws.Int32(2)})
	if err != nil || asked.Status != types.ProvisionedConcurrencyStatusEnumInProgress || *asked.RequestedProvisionedConcurrentExecutions != 2 {
		t.Errorf("PutProvisionedConcurrencyConfig: %v, %+v", err, asked)
	}
	ready, err := c.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: latest})
	if err != nil || ready.Status != types.ProvisionedConcurrencyStatusEnumReady || *ready.AllocatedProvisionedConcurrentExecutions != 2 || *ready.AvailableProvisionedConcurrentExecutions != 1 {
		t.Errorf("GetProvisionedConcurrencyConfig: %v, %+v", err, ready)
	}
	all, err := c.ListProvisionedConcurrencyConfigs(ctx, &lambda.ListProvisionedConcurrencyConfigsInput{FunctionName: f})
	if err != nil || len(all.ProvisionedConcurrencyConfigs) != 1 || *all.ProvisionedConcurrencyConfigs[0].FunctionArn != functionARN+"f:$LATEST" {
		t.Errorf("ListProvisionedConcurrencyConfigs: %v, %+v", err, all)
	}
	if _, err := c.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: latest}); err != nil {
		t.Error(err)
	}
	_, err = c.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: f, Qualifier: latest})
	if _, ok := errors.AsType[*types.ProvisionedConcurrencyConfigNotFoundException](err); !ok {
		t.Errorf("GetProvisionedConcurrencyConfig after Delete: %v", err)
	}

	if _, err := c.PutFunctionRecursionConfig(ctx, &lambda.PutFunctionRecursionConfigInput{FunctionName: f, RecursiveLoop: types.RecursiveLoopAllow}); err != nil {
		t.Error(err)
	}
	loop, err := c.GetFunctionRecursionConfig(ctx, &lambda.GetFunctionRecursionConfigInput{FunctionName: f})
	if err != nil || loop.RecursiveLoop != types.RecursiveLoopAllow {
		t.Errorf("GetFunctionRecursionConfig: %v, %+v", err, loop)
	}

	permission, err := c.AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: f, StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("s3.amazonaws.com"),
	})
	if err != nil || permission.Statement == nil {
		t.Errorf("AddPermission: %v, %+v", err, permission)
	}
	policy, err := c.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: f})
	if err != nil || policy.RevisionId == nil {
		t.Errorf("GetPolicy: %v, %+v", err, policy)
	}
	if _, err := c.RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: f, StatementId: aws.String("s3"), RevisionId: policy.RevisionId}); err != nil {
		t.Error(err)
	}

	r.Recursive = func(string, string) (string, bool) { return "", true }
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: f})
	if _, ok := errors.AsType[*types.RecursiveInvocationException](err); !ok {
		t.Errorf("Invoke in a loop: %v", err)
	}
}

// TestSDKEvents tests how an SDK sees that an event is refused.
func TestSDKEvents(t *testing.T) {
	r := newRig(t)
	c := r.client(t)
	send := func(function string, size int) error {
		_, err := c.Invoke(t.Context(), &lambda.InvokeInput{
			FunctionName: &function, InvocationType: types.InvocationTypeEvent, Payload: append(append([]byte(`"`), make([]byte, size)...), '"'),
		})
		return err
	}
	large := send("f", esm.MaxEvent)
	if api, ok := errors.AsType[smithy.APIError](large); !ok || api.ErrorCode() != "RequestEntityTooLargeException" ||
		api.ErrorMessage() != "1048578 byte payload is too large for the Event invocation type (limit 1048576 bytes)" {
		t.Errorf("too large: %v", large)
	}
	if _, ok := errors.AsType[*types.InvalidRequestContentException](send("f", 1)); !ok {
		t.Error("no JSON was not refused as such")
	}
	if _, ok := errors.AsType[*types.ResourceNotFoundException](send("nope", 0)); !ok {
		t.Error("no function was not refused as such")
	}
	r.accept = func(context.Context, esm.Event) error { return errors.New("the disk is full") }
	if _, ok := errors.AsType[*types.ServiceException](send("f", 0)); !ok {
		t.Error("a full disk was not refused as such")
	}
}

// TestSDKInvokeAsync tests the old operation.
func TestSDKInvokeAsync(t *testing.T) {
	r := newRig(t)
	//lint:ignore SA1019 old clients still use it
	out, err := r.client(t).InvokeAsync(t.Context(), &lambda.InvokeAsyncInput{FunctionName: aws.String("f"), InvokeArgs: strings.NewReader("{}")})
	if err != nil || out.Status != 202 || len(r.accepted) != 1 {
		t.Errorf("%v: got %+v, events %+v", err, out, r.accepted)
	}
}
