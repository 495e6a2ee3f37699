package ddbstreams

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/esm-run/esm"
)

func TestListingsGoThroughAllPages(t *testing.T) {
	r := newRig(t)
	r.played.page = 100
	for shard := firstShard; len(r.memory.Shards()) < 250; {
		shard = r.memory.Roll(shard)
	}
	got, err := r.stream.List(t.Context())
	if err != nil || len(got.Shards) != 250 || got.Identity != "2026-03-01T09:10:11.345" {
		t.Errorf("%d shards of %s, %v", len(got.Shards), got.Identity, err)
	}
	calls := r.service.made("DescribeStream")
	if len(calls) != 3 || calls[0].in["ExclusiveStartShardId"] != nil || calls[0].in["StreamArn"] != streamARN {
		t.Errorf("%d calls, the first with %v", len(calls), calls[0].in)
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
		r.put("a")
		r.memory.Close(firstShard)
		usual := r.service.answers["DescribeStream"]
		r.service.answers["DescribeStream"] = func(c call) *answer {
			a := usual(c)
			a.body.(map[string]any)["StreamDescription"].(map[string]any)["StreamStatus"] = "DISABLED"
			return a
		}
		got, err := r.stream.List(t.Context())
		if err != nil || len(got.Shards) != 1 || !got.Shards[0].Closed {
			t.Errorf("%+v, %v", got, err)
		}
		if got := r.read(r.open(esm.From{}), 5); !slices.Equal(got, []string{"a"}) {
			t.Errorf("read %q", got)
		}
	})
}

func TestListingsThatGoRound(t *testing.T) {
	r := newRig(t)
	r.service.answers["DescribeStream"] = func(call) *answer {
		return ok(map[string]any{"StreamDescription": map[string]any{"LastEvaluatedShardId": firstShard}})
	}
	if got, err := r.stream.List(t.Context()); err == nil {
		t.Errorf("%+v", got)
	}
}
