package ddbstreams

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

func TestListingsGoThroughAllPages(t *testing.T) {
	r := newRig(t)
	for shard := firstShard; len(r.Memory.Shards()) < 250; {
		shard = r.Memory.Roll(shard)
	}
	got, err := r.Stream.List(t.Context())
	if err != nil || len(got.Shards) != 250 || got.Identity != "2026-03-01T09:10:11.345" {
		t.Errorf("%d shards of %s, %v", len(got.Shards), got.Identity, err)
	}
	calls := r.Calls("DescribeStream")
	if len(calls) != 3 || calls[0].In["ExclusiveStartShardId"] != nil || calls[0].In["StreamArn"] != streamARN {
		t.Errorf("%d calls, the first with %v", len(calls), calls[0].In)
	}
	closed, orphans := 0, 0
	for _, s := range got.Shards {
		if s.Closed {
			closed++
		}
		if len(s.Parents) == 0 {
			orphans++
		}
	}
	if closed != 249 || orphans != 1 {
		t.Errorf("%d closed, %d without a parent", closed, orphans)
	}
}

func TestDisabledStreamsCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Put("a")
		r.Memory.Close(firstShard)
		usual := r.Answers["DescribeStream"]
		r.Answers["DescribeStream"] = func(c awstest.Call) *awstest.Answer {
			a := usual(c)
			a.Body.(map[string]any)["StreamDescription"].(map[string]any)["StreamStatus"] = "DISABLED"
			return a
		}
		got, err := r.Stream.List(t.Context())
		if err != nil || len(got.Shards) != 1 || !got.Shards[0].Closed {
			t.Errorf("%+v, %v", got, err)
		}
		if got := r.Read(r.Open(esm.From{}), 5); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
	})
}

func TestListingsThatGoRound(t *testing.T) {
	r := newRig(t)
	r.Answers["DescribeStream"] = func(awstest.Call) *awstest.Answer {
		return awstest.OK(map[string]any{"StreamDescription": map[string]any{"LastEvaluatedShardId": firstShard}})
	}
	if got, err := r.Stream.List(t.Context()); err == nil {
		t.Errorf("%+v", got)
	}
}
