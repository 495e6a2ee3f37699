package skew

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
)

// dated answers with a Date so far from now.
type dated struct {
	ahead time.Duration
	none  bool
}

func (d dated) Do(req *http.Request) (*http.Response, error) {
	header := http.Header{}
	if !d.none {
		header.Set("Date", time.Now().Add(d.ahead).UTC().Format(http.TimeFormat))
	}
	return &http.Response{StatusCode: 200, Header: header, Request: req, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func TestSkew(t *testing.T) {
	for name, test := range map[string]struct {
		client dated
		want   time.Duration
	}{
		"alike":              {dated{}, 0},
		"a second":           {dated{ahead: time.Second}, 0},
		"ahead":              {dated{ahead: time.Hour}, time.Hour},
		"behind":             {dated{ahead: -time.Minute}, -time.Minute},
		"it does not say so": {dated{none: true}, 0},
	} {
		client := kinesis.New(kinesis.Options{
			Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), HTTPClient: test.client,
		})
		out, err := client.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("s")})
		if err != nil {
			t.Fatal(err)
		}
		if got := Of(out.ResultMetadata); (got-test.want).Abs() > 2*time.Second || test.want == 0 && got != 0 {
			t.Errorf("%s: %v, want about %v", name, got, test.want)
		}
	}
}
