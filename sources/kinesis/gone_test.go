package kinesis

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/answers"
)

// Neither a shard nor a position in it is given up because the service said once that it is not there. A shard that is
// listed as open is there, whatever is said of it.
func TestWhatWasNotFoundOnceIsAskedForAgain(t *testing.T) {
	for name, test := range map[string]struct {
		closed, unlisted, positioned bool
		twice                        error // what it means when it is said again and again
	}{
		"the oldest record of an open shard":  {},
		"the oldest record of a closed shard": {closed: true, twice: esm.ErrNoShard},
		"a position":                          {positioned: true, twice: esm.ErrForeign},
		"a position in a closed shard":        {closed: true, positioned: true, twice: esm.ErrForeign},
		"a shard that is not listed":          {unlisted: true, twice: esm.ErrNoShard},
		"a position in one":                   {unlisted: true, positioned: true, twice: esm.ErrNoShard},
	} {
		for _, always := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, always), func(t *testing.T) {
				r := newRig(t)
				r.put("a", "b")
				from := esm.From{}
				if test.positioned {
					from.After = r.memory.Records(firstShard)[0].Receipt
				}
				if test.closed {
					r.memory.Close(firstShard)
				}
				if test.unlisted {
					r.service.answers["ListShards"] = func(call) *answer { return ok(map[string]any{"Shards": []any{}}) }
				}
				usual, said := r.service.answers["GetShardIterator"], false
				r.service.answers["GetShardIterator"] = func(c call) *answer {
					ofOldest := test.positioned && !test.unlisted && c.text("StartingSequenceNumber") == ""
					if said && !always || ofOldest {
						return usual(c)
					}
					said = true
					return refusal(http.StatusBadRequest, "ResourceNotFoundException")
				}
				var want error
				if always {
					want = test.twice
				}
				_, err := r.stream.Open(t.Context(), firstShard, from)
				if err == nil || want != nil && !errors.Is(err, want) || want == nil && answers.Decided(err) {
					t.Errorf("%v, want %v", err, want)
				}
			})
		}
	}
}

// LocalStack has an internal error for a consumer, a stream, a shard and a position that it does not know, for ever.
func TestWhatAnEmulatorDoesNotKnowByFanOut(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*rig)
		from  esm.From
		want  error // nil: it passes
	}{
		"the consumer": {spoil: func(*rig) {}},
		"the position": {spoil: func(*rig) {}, from: esm.From{After: "99"}, want: esm.ErrForeign},
		"the stream":   {spoil: func(r *rig) { r.memory.Delete() }, want: esm.ErrNoStream},
		"the shard": {want: esm.ErrNoShard, spoil: func(r *rig) {
			r.service.answers["GetShardIterator"] = says(http.StatusBadRequest, "ResourceNotFoundException")
			r.service.answers["ListShards"] = func(call) *answer { return ok(map[string]any{"Shards": []any{}}) }
		}},
	} {
		for _, emulated := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%v", name, emulated), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newFanOut(t)
					if emulated {
						r.stream.client = sdk.New(r.stream.client.Options(), func(o *sdk.Options) { o.BaseEndpoint = aws.String("http://127.0.0.1:1") })
					}
					if _, err := r.stream.List(t.Context()); err != nil {
						t.Fatal(err)
					}
					test.spoil(r)
					r.service.answers["SubscribeToShard"] = says(http.StatusInternalServerError, "InternalError")
					_, err := r.stream.Open(t.Context(), firstShard, test.from)
					if answers.Decided(err) != (emulated && test.want != nil) || err == nil || emulated && test.want != nil && !errors.Is(err, test.want) {
						t.Errorf("%v, want %v", err, test.want)
					}
				})
			})
		}
	}
}

// A listing may lack a shard: to believe it would cost the shard's records.
func TestAShardThatIsNotListedIsLookedForBeforeItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFanOut(t)
		usual := r.service.answers["ListShards"]
		r.service.answers["ListShards"] = func(call) *answer { return ok(map[string]any{"Shards": []any{}}) }
		if _, err := r.stream.Open(t.Context(), firstShard, esm.From{}); err == nil || answers.Decided(err) {
			t.Errorf("not listed: %v", err)
		}
		r.service.answers["ListShards"] = usual
		r.open(esm.From{}).Close()
	})
}

// A service whose pages never end is not listed for ever.
func TestAPageThatNamesItselfAsTheNext(t *testing.T) {
	r := newRig(t)
	r.service.answers["ListShards"] = func(call) *answer {
		return ok(map[string]any{"Shards": []any{}, "NextToken": "again"})
	}
	if _, err := r.stream.List(t.Context()); err == nil {
		t.Error("listed")
	}
}
