package awsclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// clearCredentials removes all credentials that the SDK could find.
func clearCredentials(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CA_BUNDLE": "",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "",
		"AWS_SHARED_CREDENTIALS_FILE": none, "AWS_CONFIG_FILE": none,
	} {
		t.Setenv(name, value)
	}
}

func TestEmulatorCredentials(t *testing.T) {
	clearCredentials(t)
	c := &Clients{Region: "us-east-1"}
	at, err := c.at(t.Context(), "http://localhost:4566")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := at.config.Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != "test" || got.SecretAccessKey != "test" {
		t.Errorf("got %s, %v, want test", got.AccessKeyID, err)
	}
	again, err := c.at(t.Context(), "http://localhost:4566")
	if err != nil || again.config.HTTPClient != at.config.HTTPClient {
		t.Errorf("clients of one endpoint have connections of their own, %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "mine")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	other, err := c.at(t.Context(), "http://localhost:4567")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := other.config.Credentials.Retrieve(t.Context()); err != nil || got.AccessKeyID != "mine" {
		t.Errorf("got %s, %v, want those that are to be found", got.AccessKeyID, err)
	}
}

func TestEmulated(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"":                                    false,
		"http://localhost:4566":               true,
		"http://127.0.0.1":                    true,
		"https://sqs.us-east-1.amazonaws.com": false,
		"https://vpce-1a-2b.sqs.us-east-1.vpce.amazonaws.com:443":       false,
		"https://sqs.cn-north-1.amazonaws.com.cn":                       false,
		"https://sqs.us-east-1.api.aws":                                 false,
		"https://amazonaws.com.example.org":                             true,
		"http://sqs.us-east-1.localhost.localstack.cloud:4566/anything": true,
	} {
		if got := Emulated(endpoint); got != want {
			t.Errorf("%q: got %v, want %v", endpoint, got, want)
		}
	}
}

func TestClientRegion(t *testing.T) {
	clearCredentials(t)
	var signed string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, "{}")
	}))
	defer service.Close()
	c := &Clients{Region: "us-east-1"}
	ask := map[string]func(ctx context.Context, region string) error{
		"sqs": func(ctx context.Context, region string) error {
			client, err := c.SQS(ctx, service.URL, region)
			return errors.Join(err, of(client.ListQueues(ctx, &sqs.ListQueuesInput{})))
		},
		"events": func(ctx context.Context, region string) error {
			client, err := c.EventBridge(ctx, service.URL, region)
			return errors.Join(err, of(client.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{})))
		},
		"lambda": func(ctx context.Context, region string) error {
			client, err := c.LambdaAt(ctx, service.URL, region)
			return errors.Join(err, of(client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})))
		},
	}
	for name, call := range ask {
		for region, want := range map[string]string{"": "/us-east-1/", "eu-west-1": "/eu-west-1/"} {
			if err := call(t.Context(), region); err != nil || !strings.Contains(signed, want+name+"/") {
				t.Errorf("%s, %q: signed %q, %v, want %s in it", name, region, signed, err, want)
			}
		}
	}
}

// of returns the error of a request.
func of(_ any, err error) error { return err }

// The SDK warns of a metadata service that refuses tokens. By default it would write that to standard error.
func TestSDKWarnings(t *testing.T) {
	clearCredentials(t)
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer metadata.Close()
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL)
	var warnings []string
	c := &Clients{Region: "us-east-1", Warn: func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }}
	at, err := c.at(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := at.config.Credentials.Retrieve(t.Context()); err == nil {
		t.Error("there are credentials")
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "the AWS SDK: falling back to IMDSv1") {
		t.Errorf("warnings %q, want one of the SDK", warnings)
	}
}
