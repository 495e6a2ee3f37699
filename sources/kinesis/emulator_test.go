package kinesis

import (
	"errors"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm"
)

// Emulators answer with an internal error, for ever, to what AWS refuses by name.
func TestInternalErrorsOfEmulators(t *testing.T) {
	ill := func(c call) *answer { return refusal(http.StatusInternalServerError, "InternalError") }
	for name, test := range map[string]struct {
		shard, after string
		healthy      bool // for all other positions
		aws          bool
		want         error // nil: it passes
	}{
		"a shard that never was":   {shard: "shardId-000000000009", want: esm.ErrNoShard},
		"a position that is none":  {shard: firstShard, after: "99", healthy: true, want: esm.ErrForeign},
		"the service is ill":       {shard: firstShard, after: "99"},
		"ill at the oldest record": {shard: firstShard},
		"AWS is ill":               {shard: firstShard, after: "99", healthy: true, aws: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			usual := r.service.answers["GetShardIterator"]
			r.service.answers["GetShardIterator"] = func(c call) *answer {
				if test.healthy && c.text("StartingSequenceNumber") == "" {
					return usual(c)
				}
				return ill(c)
			}
			if !test.aws {
				r.stream.client = sdk.New(r.stream.client.Options(), func(o *sdk.Options) { o.BaseEndpoint = aws.String("http://127.0.0.1:1") })
			}
			_, err := r.stream.Open(t.Context(), test.shard, esm.From{After: test.after})
			for _, kind := range []error{esm.ErrNoShard, esm.ErrForeign, esm.ErrNoStream, esm.ErrTrimmed} {
				if errors.Is(err, kind) != (kind == test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
			}
			if err == nil {
				t.Error("opened")
			}
		})
	}
}
