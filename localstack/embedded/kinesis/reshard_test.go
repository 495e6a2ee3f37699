package kinesis

import (
	"math/big"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"pgregory.net/rapid"
)

func TestRouting(t *testing.T) {
	inBubble(t, new(Server), 2, func(t *testing.T, a *account) {
		for key, want := range map[string]int{"a": 0, "b": 1, "1": 1, "2": 1, "apple": 0} { // the MD5 of a begins with 0c, that of b with 92, ...
			if got := *a.put(key, "x").ShardId; got != shardID(want) {
				t.Errorf("%s went to %s, want shard %d", key, got, want)
			}
		}
		for hash, want := range map[string]int{"0": 0, "170141183460469231731687303715884105727": 0, half: 1, "340282366920938463463374607431768211455": 1} {
			out, err := a.PutRecord(t.Context(), &sdk.PutRecordInput{StreamARN: a.arn(), PartitionKey: aws.String("k"), ExplicitHashKey: &hash, Data: []byte{}})
			if err != nil || *out.ShardId != shardID(want) {
				t.Errorf("%s went to %v, %v, want shard %d", hash, out, err, want)
			}
		}
	})
}

func TestSplitAndMerge(t *testing.T) {
	inBubble(t, new(Server), 1, func(t *testing.T, a *account) {
		a.put("a", "parent")
		a.split(0, half)
		a.put("a", "left")
		a.put("b", "right")
		a.merge(2, 1)
		a.put("b", "child")
		for shard, want := range []string{"parent", "left", "right", "child"} {
			if got := a.all(shard); got != want {
				t.Errorf("shard %d has %q, want %q", shard, got, want)
			}
		}
		shards := a.shards(nil)
		child := shards[3]
		if *child.ParentShardId != shardID(2) || *child.AdjacentParentShardId != shardID(1) || *child.HashKeyRange.StartingHashKey != "0" {
			t.Errorf("child %+v", child)
		}
		if shards[1].AdjacentParentShardId != nil || *shards[1].ParentShardId != shardID(0) || child.SequenceNumberRange.EndingSequenceNumber != nil {
			t.Errorf("shards %+v", shards)
		}
		checkGenerations(t, shards)
	})
}

// checkGenerations checks that numbers grow from parents to children.
func checkGenerations(t testing.TB, shards []types.Shard) {
	t.Helper()
	ends := map[string]*big.Int{}
	for _, s := range shards {
		start, _ := new(big.Int).SetString(*s.SequenceNumberRange.StartingSequenceNumber, 10)
		for _, parent := range []*string{s.ParentShardId, s.AdjacentParentShardId} {
			if parent != nil && (ends[*parent] == nil || ends[*parent].Cmp(start) >= 0) {
				t.Errorf("%s starts with %s, its parent %s ends with %s", *s.ShardId, start, *parent, ends[*parent])
			}
		}
		if end := s.SequenceNumberRange.EndingSequenceNumber; end != nil {
			ends[*s.ShardId], _ = new(big.Int).SetString(*end, 10)
			if ends[*s.ShardId].Cmp(start) <= 0 {
				t.Errorf("%s starts with %s and ends with %s", *s.ShardId, start, *end)
			}
		}
	}
}

func TestReshardsThatAreRefused(t *testing.T) {
	inBubble(t, new(Server), 3, func(t *testing.T, a *account) {
		split := func(shard, hash string) error {
			_, err := a.SplitShard(t.Context(), &sdk.SplitShardInput{StreamName: &a.name, ShardToSplit: &shard, NewStartingHashKey: &hash})
			return err
		}
		merge := func(x, y int) error {
			_, err := a.MergeShards(t.Context(), &sdk.MergeShardsInput{StreamName: &a.name, ShardToMerge: aws.String(shardID(x)), AdjacentShardToMerge: aws.String(shardID(y))})
			return err
		}
		scale := func(n int32) error {
			_, err := a.UpdateShardCount(t.Context(), &sdk.UpdateShardCountInput{StreamName: &a.name, TargetShardCount: &n, ScalingType: types.ScalingTypeUniformScaling})
			return err
		}
		for _, hash := range []string{"0", "1", "113427455640312821154458202477256070484", half} {
			refused(t, "split at "+hash, split(shardID(0), hash), "InvalidArgumentException", "NewStartingHashKey "+hash+" used in SplitShard() on shard "+shardID(0)+
				" in stream orders under account 000000000000 is not both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey 113427455640312821154458202477256070484.")
		}
		refused(t, "split at nothing", split(shardID(0), "x"), "ValidationException", "newStartingHashKey")
		refused(t, "split of nothing", split("x", "7"), "ResourceNotFoundException", "Could not find shard x in stream orders under account 000000000000.")
		refused(t, "merge of strangers", merge(0, 2), "InvalidArgumentException", "are not an adjacent pair of shards eligible for merging")
		refused(t, "merge with itself", merge(1, 1), "InvalidArgumentException", "are not an adjacent pair of shards eligible for merging")
		refused(t, "merge with nothing", merge(1, 9), "ResourceNotFoundException", "does not exist")
		refused(t, "too many", scale(7), "InvalidArgumentException", "cannot scale up over double your current open shard count")
		refused(t, "too few", scale(1), "InvalidArgumentException", "cannot scale down below half your current open shard count")
		a.split(0, "7")
		refused(t, "split again", split(shardID(0), "7"), "InvalidArgumentException", "is closed")
		refused(t, "merge of what was split", merge(0, 1), "InvalidArgumentException", "is closed")
	})
}

// After any scaling the shards share the keys evenly, and each old key is in the line of its old shard.
func TestScaling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := new(Server)
		must := func(_ any, err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		n := rapid.IntRange(1, 9).Draw(t, "shards")
		must(s.createStream(nil, createInput{StreamName: "s", ShardCount: &n}))
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			n = rapid.IntRange((n+1)/2, 2*n).Draw(t, "target")
			must(s.updateShardCount(nil, scaleInput{ref{StreamName: "s"}, n, "UNIFORM_SCALING"}))
			st, _ := s.find(ref{StreamName: "s"})
			if len(st.takers) != n {
				t.Fatalf("%d shards, want %d", len(st.takers), n)
			}
			for i, sh := range st.takers {
				if sh.keys != evenly(i, n) {
					t.Errorf("shard %d of %d has %v, want %v", i, n, sh.keys, evenly(i, n))
				}
			}
			for _, sh := range st.shards {
				if !sh.open() && (len(sh.children) == 0 || sh.children[0].made.epoch <= sh.made.epoch) {
					t.Errorf("shard %d has the children %v", sh.index, sh.children)
				}
			}
		}
	})
}

func TestListing(t *testing.T) {
	inBubble(t, new(Server), 2, func(t *testing.T, a *account) {
		before := aws.Time(a.times().Add(-1))
		a.split(1, "255211775190703847597530955573826158592")
		between := aws.Time(a.times())
		a.merge(0, 2)
		for _, test := range []struct {
			filter *types.ShardFilter
			want   string
		}{
			{nil, "0 1 2 3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeFromTrimHorizon}, "0 1 2 3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtTrimHorizon}, "0 1"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtLatest}, "3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAfterShardId, ShardId: aws.String(shardID(2))}, "3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtTimestamp, Timestamp: before}, "0 1"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtTimestamp, Timestamp: between}, "0 2 3"},
			{&types.ShardFilter{Type: types.ShardFilterTypeFromTimestamp, Timestamp: between}, "0 2 3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeFromTimestamp, Timestamp: before}, "0 1 2 3 4"},
		} {
			if got := a.listed(test.filter); got != test.want {
				t.Errorf("%+v: got %s, want %s", test.filter, got, test.want)
			}
		}
		for _, f := range []types.ShardFilter{{Type: "SOME"}, {Type: types.ShardFilterTypeAfterShardId}, {Type: types.ShardFilterTypeAtTimestamp}} {
			if _, err := a.ListShards(t.Context(), &sdk.ListShardsInput{StreamName: &a.name, ShardFilter: &f}); err == nil {
				t.Errorf("%+v is accepted", f)
			}
		}
	})
}

func TestPagesOfShards(t *testing.T) {
	inBubble(t, new(Server), 1500, func(t *testing.T, a *account) {
		all, first := a.pages(&sdk.ListShardsInput{StreamName: &a.name, MaxResults: aws.Int32(7000)})
		if all != 1500 || first != 1000 {
			t.Errorf("%d shards, %d on the first page", all, first)
		}
		all, first = a.pages(&sdk.ListShardsInput{StreamARN: a.arn(), MaxResults: aws.Int32(40), ShardFilter: &types.ShardFilter{
			Type: types.ShardFilterTypeAfterShardId, ShardId: aws.String(shardID(1399)),
		}})
		if all != 100 || first != 40 {
			t.Errorf("%d shards, %d on the first page", all, first)
		}
		described := 0
		pages := 0
		for p := sdk.NewDescribeStreamPaginator(a, &sdk.DescribeStreamInput{StreamName: &a.name, Limit: aws.Int32(100)}); p.HasMorePages(); pages++ {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			described += len(out.StreamDescription.Shards)
		}
		if described != 1500 || pages != 15 {
			t.Errorf("%d shards in %d pages", described, pages)
		}
	})
}

// pages counts the shards of all pages and of the first.
func (a *account) pages(in *sdk.ListShardsInput) (all, first int) {
	a.t.Helper()
	for {
		out, err := a.ListShards(a.t.Context(), in)
		if err != nil {
			a.t.Fatal(err)
		}
		if all == 0 {
			first = len(out.Shards)
		}
		if all += len(out.Shards); out.NextToken == nil {
			return all, first
		}
		in = &sdk.ListShardsInput{NextToken: out.NextToken, MaxResults: in.MaxResults}
	}
}

func TestTokens(t *testing.T) {
	inBubble(t, new(Server), 3, func(t *testing.T, a *account) {
		out, err := a.ListShards(t.Context(), &sdk.ListShardsInput{StreamName: &a.name, MaxResults: aws.Int32(2)})
		if err != nil || len(out.Shards) != 2 || out.NextToken == nil {
			t.Fatalf("got %+v, %v", out, err)
		}
		try := func(in sdk.ListShardsInput) error {
			_, err := a.ListShards(t.Context(), &in)
			return err
		}
		refused(t, "both", try(sdk.ListShardsInput{StreamName: &a.name, NextToken: out.NextToken}), "InvalidArgumentException", "NextToken and StreamName cannot be provided together.")
		refused(t, "garbage", try(sdk.ListShardsInput{NextToken: aws.String("x")}), "InvalidArgumentException", "NextToken is invalid.")
		refused(t, "another's", try(sdk.ListShardsInput{NextToken: aws.String(token{Of: "streams"}.String())}), "InvalidArgumentException", "NextToken is invalid.")
		sleep(tokenLives.Seconds())
		if err := try(sdk.ListShardsInput{NextToken: out.NextToken}); err != nil {
			t.Error(err)
		}
		sleep(0.001)
		refused(t, "too late", try(sdk.ListShardsInput{NextToken: out.NextToken}), "ExpiredNextTokenException", "expired")
		a.delete()
		a.create(a.name, 1)
		fresh := token{Of: "shards", Stream: a.name, Issued: now()}.String()
		refused(t, "of the stream before", try(sdk.ListShardsInput{NextToken: &fresh}), "InvalidArgumentException", "NextToken is invalid.")
	})
}

func FuzzToken(f *testing.F) {
	f.Add(token{Of: "shards", Stream: "orders", Filter: &filter{Type: "AT_LATEST"}}.String())
	f.Add(token{Of: "shards", Filter: &filter{Type: "AT_TIMESTAMP"}}.String())
	f.Fuzz(func(t *testing.T, text string) {
		t2, err := parseToken(text, "shards", 0)
		if err == nil && (t2.Of != "shards" || t2.Filter != nil && t2.Filter.check() != nil) {
			t.Errorf("%q became %+v", text, t2)
		}
	})
}

func TestShardIDs(t *testing.T) {
	for _, i := range []int{0, 7, 999_999_999_999} {
		if got, ok := parseShardID(shardID(i)); !ok || got != i {
			t.Errorf("%d became %d, %v", i, got, ok)
		}
	}
	for _, id := range []string{"", "shardId-", "shardId-00000000000a", "shardId-0000000000001", "shard" + strconv.Itoa(1)} {
		if _, ok := parseShardID(id); ok {
			t.Errorf("%q is taken for an id", id)
		}
	}
}
