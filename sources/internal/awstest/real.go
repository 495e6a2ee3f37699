package awstest

import (
	"cmp"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// RealConfig returns what clients of a real service are made from. The environment variable env is the service's
// endpoint; without it the test is skipped. AWS_REGION may name another region than us-east-1.
func RealConfig(t *testing.T, env string, client aws.HTTPClient) aws.Config {
	t.Helper()
	endpoint := os.Getenv(env)
	if endpoint == "" {
		t.Skip(env + " is not set: there is no endpoint to test on")
	}
	return aws.Config{
		Region:       cmp.Or(os.Getenv("AWS_REGION"), "us-east-1"),
		BaseEndpoint: &endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:   client,
	}
}
