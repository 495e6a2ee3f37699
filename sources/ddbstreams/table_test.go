package ddbstreams

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

const tableARN = "arn:aws:dynamodb:eu-west-1:111122223333:table/carts"

// label returns the label of a table's n-th stream, one a day.
func label(n int) string {
	return time.Date(2026, 3, n, 9, 10, 11, 0, time.UTC).Format("2006-01-02T15:04:05.000")
}

// tables is a service whose table carts has streams of shards, by label.
type tables map[string][]esm.Shard

func (s tables) table(t *testing.T, first string) (*Table, *awstest.Service) {
	t.Helper()
	fake := &awstest.Service{Answers: map[string]awstest.Handler{"ListStreams": s.list, "DescribeStream": s.describe}}
	table, err := NewTable(TableConfig{Client: sdk.NewFromConfig(fake.Config("")), ARN: awstest.ARN(tableARN), First: first})
	if err != nil {
		t.Fatal(err)
	}
	return table, fake
}

// list answers one stream on a page, the newest first, and one of another table.
func (s tables) list(c awstest.Call) *awstest.Answer {
	var arns []string
	for l := range s {
		arns = append(arns, tableARN+"/stream/"+l)
	}
	slices.Sort(arns)
	slices.Reverse(arns)
	arns = append(arns, "arn:aws:dynamodb:eu-west-1:111122223333:table/other/stream/2099-01-01T00:00:00.000")
	next := 1 + slices.Index(arns, c.Text("ExclusiveStartStreamArn"))
	page := map[string]any{"Streams": []any{map[string]any{"StreamArn": arns[next]}}}
	if next+1 < len(arns) {
		page["LastEvaluatedStreamArn"] = arns[next]
	}
	return awstest.OK(page)
}

func (s tables) describe(c awstest.Call) *awstest.Answer {
	a, _ := newARN(awstest.ARN(c.Text("StreamArn")))
	listed, known := s[a.label]
	if !known {
		return awstest.Refusal(http.StatusBadRequest, "ResourceNotFoundException")
	}
	shards := []any{}
	for _, shard := range listed {
		shards = append(shards, onTheWire(shard))
	}
	return awstest.OK(map[string]any{"StreamDescription": map[string]any{"StreamArn": c.In["StreamArn"], "Shards": shards}})
}

func TestStreamsOfTableAreChained(t *testing.T) {
	s := tables{
		label(1): {{ID: "a", Closed: true}},
		label(2): {{ID: "b", Parents: []string{"gone"}, Closed: true}, {ID: "c", Parents: []string{"b"}}, {ID: "d", Closed: true}},
		label(3): {{ID: "e"}, {ID: "f", Parents: []string{"e"}}},
	}
	for _, test := range []struct {
		name, first, identity string
		parents               map[string][]string
	}{
		{"never followed", "", label(3), map[string][]string{"e": nil, "f": {"e"}}},
		{"followed since the second", label(2), label(2), map[string][]string{
			"b": {"gone"}, "c": {"b"}, "d": nil, "e": {"c", "d"}, "f": {"e"},
		}},
		{"since one that is gone", label(1), label(1), map[string][]string{
			"a": nil, "b": {"gone", "a"}, "c": {"b"}, "d": {"a"}, "e": {"c", "d"}, "f": {"e"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			table, _ := s.table(t, test.first)
			got, err := table.List(t.Context())
			if err != nil || got.Identity != test.identity || len(got.Shards) != len(test.parents) {
				t.Fatalf("%+v, %v", got, err)
			}
			for _, shard := range got.Shards {
				if want := test.parents[shard.ID]; !slices.Equal(shard.Parents, want) {
					t.Errorf("%s continues %q, want %q", shard.ID, shard.Parents, want)
				}
			}
			if last := got.Shards[len(got.Shards)-1]; last.Source != tableARN+"/stream/"+label(3) {
				t.Errorf("%s is of %q", last.ID, last.Source)
			}
		})
	}
}

func TestTableGetsAnotherStream(t *testing.T) {
	s := tables{label(1): {{ID: "a"}}}
	table, _ := s.table(t, "")
	before, err := table.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s[label(2)] = []esm.Shard{{ID: "b"}}
	after, err := table.List(t.Context())
	if err != nil || after.Identity != before.Identity || len(after.Shards) != 2 || !slices.Equal(after.Shards[1].Parents, []string{"a"}) {
		t.Errorf("%+v, %v", after, err)
	}
	mayNeverClose := func(shard string) bool { at, _ := table.location(shard); return at.mayNeverClose }
	if !mayNeverClose("a") || mayNeverClose("b") {
		t.Error("the old stream is replaced, and the new one is not")
	}
	s[label(1)][0].Closed = true
	if _, err := table.List(t.Context()); err != nil || mayNeverClose("a") {
		t.Errorf("a closed shard must be read to its end: %v", err)
	}
	delete(s, label(1))
	if alone, err := table.List(t.Context()); err != nil || alone.Identity != before.Identity || len(alone.Shards) != 1 || len(alone.Shards[0].Parents) != 0 {
		t.Errorf("%+v, %v", alone, err)
	}
	if _, err := table.Open(t.Context(), "never listed", esm.From{}); !errors.Is(err, esm.ErrNoShard) {
		t.Errorf("opened a shard that was never listed: %v", err)
	}
}

// A listing whose pages never end is an error.
func TestRepeatingPageOfStreams(t *testing.T) {
	table, fake := tables{label(1): nil}.table(t, "")
	fake.Answers["ListStreams"] = func(awstest.Call) *awstest.Answer {
		return awstest.OK(map[string]any{"Streams": []any{}, "LastEvaluatedStreamArn": streamARN})
	}
	if _, err := table.List(t.Context()); err == nil {
		t.Error("listed")
	}
}

func TestTableWithoutStream(t *testing.T) {
	table, _ := tables{}.table(t, "")
	if _, err := table.List(t.Context()); !errors.Is(err, esm.ErrNoStream) {
		t.Errorf("error %v", err)
	}
	for _, arn := range []string{"", streamARN, "arn:aws:dynamodb:eu-west-1:1:table/", "arn:aws:kinesis:eu-west-1:1:table/carts"} {
		if _, err := NewTable(TableConfig{ARN: awstest.ARN(arn)}); err == nil {
			t.Errorf("%q is accepted as a table", arn)
		}
	}
}

// sparse is a reader of a shard that is never closed, with a record in every tenth read.
type sparse struct{ reads int }

func (s *sparse) Read(context.Context, int) ([]esm.Record, error) {
	time.Sleep(time.Second)
	if s.reads++; s.reads%10 == 0 && s.reads < 50 {
		return []esm.Record{{ID: "1"}}, nil
	}
	return nil, nil
}

func (s *sparse) Close() {}

func TestShardOfReplacedStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := &Table{shards: map[string]location{"old": {mayNeverClose: true}, "new": {}}}
		found, start := 0, time.Now()
		for d := (&tableReader{Reader: &sparse{}, table: table, shard: "old"}); ; {
			recs, err := d.Read(t.Context(), 1)
			if found += len(recs); err == io.EOF {
				break
			}
		}
		if took := time.Since(start); found != 4 || took < 40*time.Second+drainedAfter || took > 45*time.Second+drainedAfter {
			t.Errorf("%d records, over after %v", found, took)
		}
		for d := (&tableReader{Reader: &sparse{}, table: table, shard: "new"}); time.Since(start) < time.Hour; {
			if _, err := d.Read(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A listing may omit a shard for a moment. Treating it as gone would lose its records.
func TestUnlistedShardIsListedAgain(t *testing.T) {
	s := tables{label(1): {{ID: "a"}}}
	table, fake := s.table(t, "")
	fake.Answers["GetShardIterator"] = func(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{"ShardIterator": "begin"}) }
	if _, err := table.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Open(t.Context(), "b", esm.From{}); !errors.Is(err, esm.ErrNoShard) {
		t.Errorf("not listed twice: %v", err)
	}
	s[label(1)] = append(s[label(1)], esm.Shard{ID: "b"})
	if _, err := table.Open(t.Context(), "b", esm.From{}); err != nil {
		t.Errorf("listed then: %v", err)
	}
}
