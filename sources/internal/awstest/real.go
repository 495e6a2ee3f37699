package awstest

import (
	"cmp"
	"context"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/polling"
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

// Forgotten is a shard whose first iterator the service does not know.
type Forgotten[R any] struct {
	polling.Shard[R]
	asked bool
}

// Iterator is [polling.Shard].Iterator.
func (f *Forgotten[R]) Iterator(ctx context.Context) (string, error) {
	if f.asked {
		return f.Shard.Iterator(ctx)
	}
	f.asked = true
	return "garbage", nil
}

// ReadSoon reads until there are records, with a new iterator if need be.
func ReadSoon(t *testing.T, r esm.Reader) {
	t.Helper()
	for reads := 0; ; reads++ {
		recs, err := r.Read(t.Context(), 10)
		if len(recs) > 0 {
			return
		}
		if reads > 5 {
			t.Fatalf("nothing is read: %v", err)
		}
	}
}
