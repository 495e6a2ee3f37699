package kinesis

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"pgregory.net/rapid"
)

func TestRouting(t *testing.T) {
	bubble(t, 2, func(c *client) {
		for key, want := range map[string]int{"a": 0, "b": 1, "1": 1, "2": 1, "apple": 0} { // the MD5 of a begins with 0c, that of b with 92, ...
			if got := *c.put(key, "x").ShardId; got != shardID(want) {
				t.Errorf("%s went to %s, want shard %d", key, got, want)
			}
		}
		for hash, want := range map[string]int{"0": 0, "170141183460469231731687303715884105727": 0, half: 1, "340282366920938463463374607431768211455": 1} {
			out, err := c.PutRecord(c.t.Context(), &sdk.PutRecordInput{StreamARN: c.arn(), PartitionKey: aws.String("k"), ExplicitHashKey: &hash, Data: []byte{}})
			if err != nil || *out.ShardId != shardID(want) {
				t.Errorf("%s went to %v, %v, want shard %d", hash, out, err, want)
			}
		}
	})
}

// After any scaling the shards share the keys evenly, and children are newer than their parents.
func TestScaling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := new(Server)
		n := rapid.IntRange(1, 9).Draw(t, "shards")
		if err := s.createStream(createInput{StreamName: "s", ShardCount: &n}); err != nil {
			t.Fatal(err)
		}
		st, _ := s.find(ref{StreamName: "s"})
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			n = rapid.IntRange((n+1)/2, 2*n).Draw(t, "target")
			if _, err := s.updateShardCount(st, scaleInput{TargetShardCount: n, ScalingType: "UNIFORM_SCALING"}); err != nil {
				t.Fatal(err)
			}
			if len(st.open) != n {
				t.Fatalf("%d shards, want %d", len(st.open), n)
			}
			for i, sh := range st.open {
				if sh.keys != evenly(i, n) {
					t.Errorf("shard %d of %d has %v, want %v", i, n, sh.keys, evenly(i, n))
				}
			}
			for _, sh := range st.shards {
				if !sh.open() && (len(sh.children) == 0 || sh.children[0].created.epoch <= sh.created.epoch) {
					t.Errorf("shard %d has the children %v", sh.index, sh.children)
				}
			}
		}
	})
}

func TestFilters(t *testing.T) {
	bubble(t, 2, func(c *client) {
		between := func() *time.Time {
			time.Sleep(time.Second / 2)
			defer time.Sleep(time.Second / 2)
			return aws.Time(time.Now())
		}
		first := between()
		c.split(1, "255211775190703847597530955573826158592")
		second := between()
		c.merge(0, 2)
		for _, test := range []struct {
			filter *types.ShardFilter
			want   string
		}{
			{nil, "0 1 2 3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeFromTrimHorizon}, "0 1 2 3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtTrimHorizon}, "0 1"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtLatest}, "3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAfterShardId, ShardId: aws.String(shardID(2))}, "3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtTimestamp, Timestamp: first}, "0 1"},
			{&types.ShardFilter{Type: types.ShardFilterTypeAtTimestamp, Timestamp: second}, "0 2 3"},
			{&types.ShardFilter{Type: types.ShardFilterTypeFromTimestamp, Timestamp: second}, "0 2 3 4"},
			{&types.ShardFilter{Type: types.ShardFilterTypeFromTimestamp, Timestamp: first}, "0 1 2 3 4"},
		} {
			var got []string
			for _, sh := range c.shards(test.filter) {
				index, _ := parseShardID(*sh.ShardId)
				got = append(got, strconv.Itoa(index))
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("%+v: got %s, want %s", test.filter, got, test.want)
			}
		}
	})
}

func TestTokens(t *testing.T) {
	bubble(t, 3, func(c *client) {
		out, err := c.ListShards(c.t.Context(), &sdk.ListShardsInput{StreamName: c.name, MaxResults: aws.Int32(2)})
		c.must(err)
		try := func(token *string) error {
			_, err := c.ListShards(c.t.Context(), &sdk.ListShardsInput{NextToken: token})
			return err
		}
		time.Sleep(tokenLifetime)
		c.must(try(out.NextToken))
		time.Sleep(time.Millisecond)
		c.wantError(try(out.NextToken), "ExpiredNextTokenException", "expired")
		c.wantError(try(aws.String(token{Of: "streams", Issued: now()}.String())), "InvalidArgumentException", "NextToken is invalid.")
		old := token{Of: "shards", Stream: *c.name, Issued: now()}.String()
		c.wantError(try(&old), "InvalidArgumentException", "NextToken is invalid.")
	})
}

func FuzzToken(f *testing.F) {
	f.Add(token{Of: "shards", Stream: "orders", Filter: &filter{Type: "AT_LATEST"}}.String())
	f.Add(token{Of: "shards", Filter: &filter{Type: "AT_TIMESTAMP"}}.String())
	f.Fuzz(func(t *testing.T, text string) {
		t2, err := (token{Of: "shards"}).resume(text, 0)
		if err == nil && (t2.Of != "shards" || t2.Filter != nil && t2.Filter.check() != nil) {
			t.Errorf("%q became %+v", text, t2)
		}
	})
}
