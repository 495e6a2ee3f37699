package ddbstreams

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/esm-run/esm"
)

// An emulator's internal error is looked into, AWS's is not.
func TestAPositionThatAnEmulatorDoesNotKnow(t *testing.T) {
	for _, emulated := range []bool{true, false} {
		r := newRig(t)
		usual := r.service.answers["GetShardIterator"]
		r.service.answers["GetShardIterator"] = func(c call) *answer {
			if c.text("SequenceNumber") == "" {
				return usual(c)
			}
			return refusal(http.StatusInternalServerError, "InternalError")
		}
		if emulated {
			r.stream.client = sdk.New(r.stream.client.Options(), func(o *sdk.Options) { o.BaseEndpoint = aws.String("http://127.0.0.1:1") })
		}
		_, err := r.stream.Open(t.Context(), firstShard, esm.From{After: "99"})
		if err == nil || errors.Is(err, esm.ErrForeign) != emulated {
			t.Errorf("emulated %v: %v", emulated, err)
		}
	}
}
