package ddbstreams

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/awserr"
	"github.com/esm-run/esm/sources/internal/awstest"
)

func TestIdleShards(t *testing.T) {
	for given, idle := range map[time.Duration]time.Duration{0: time.Second / 4, time.Second / 10: time.Second / 10} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			s, err := New(Config{Client: sdk.NewFromConfig(r.Config("")), ARN: awstest.ARN(streamARN), IdlePoll: given})
			if err != nil {
				t.Fatal(err)
			}
			r.Stream = s
			reader := r.Open(esm.From{})
			for range 3 {
				r.Read(reader, 10)
			}
			r.Put("a")
			r.Read(reader, 10)
			r.Read(reader, 10) // at once
			r.Read(reader, 10)
			want := []time.Duration{idle, idle, idle, 0, idle}
			if got := r.Gaps("GetRecords"); !slices.Equal(got, want) {
				t.Errorf("between the reads %v, want %v", got, want)
			}
		})
	}
}

func TestStartAtTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Put("a", "b")
		time.Sleep(1500 * time.Millisecond)
		r.Put("c")
		at := time.Now().Add(300 * time.Millisecond) // in the same second
		reader := r.Open(esm.From{At: at})
		if got := r.Read(reader, 10); !slices.Equal(got, []string{"c"}) {
			t.Errorf("read %q", got)
		}
		after := r.Open(esm.From{After: r.Memory.Records(firstShard)[0].Receipt, At: at})
		if got := r.Read(after, 10); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("after a position, whatever the time: %q", got)
		}
	})
}

func TestEarlyRecordsAreSkippedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 2500 {
			r.Put("old")
		}
		time.Sleep(time.Minute)
		r.Put("new")
		reader := r.Open(esm.From{At: time.Now()})
		start := time.Now()
		got := append(append(r.Read(reader, 10), r.Read(reader, 10)...), r.Read(reader, 10)...)
		if !slices.Equal(got, []string{"new"}) || time.Since(start) != 0 {
			t.Errorf("read %q within %s", got, time.Since(start))
		}
	})
}

func TestTrimmingWhileSkipping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 1500 {
			r.Put("old")
		}
		time.Sleep(time.Minute)
		reader := r.Open(esm.From{At: time.Now()})
		r.Read(reader, 10)
		r.Memory.Trim(time.Now())
		r.Put("new")
		if got := r.Read(reader, 10); !slices.Equal(got, []string{"new"}) {
			t.Errorf("read %q", got)
		}
	})
}

func TestTrimmedPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Put("a", "b")
		reader := r.Open(esm.From{})
		r.Read(reader, 2)
		time.Sleep(time.Minute)
		r.Put("c")
		r.Memory.Trim(time.Now().Add(1))
		if recs, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrTrimmed) || len(recs) != 0 {
			t.Errorf("read %d records, %v", len(recs), err)
		}
		if _, err := r.Stream.Open(t.Context(), firstShard, esm.From{After: r.Memory.Records(firstShard)[0].ID}); !errors.Is(err, esm.ErrTrimmed) {
			t.Errorf("open: %v", err)
		}
	})
}

// DynamoDB Local gives the minute in which a record was made.
func TestArrivalOnDynamoDBLocal(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	r := types.Record{Dynamodb: &types.StreamRecord{ApproximateCreationDateTime: aws.Time(at.Truncate(time.Minute))}}
	if !before(&r, at) {
		t.Error("seven seconds are no difference")
	}
	if r.AwsRegion = aws.String("ddblocal"); before(&r, at) {
		t.Error("a record that may be later is left out")
	}
	if !before(&r, at.Add(time.Minute)) {
		t.Error("a minute is no difference")
	}
}

// DynamoDB Local lists a shard that is gone as closed, and makes iterators for it.
func TestListedShardIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Answers["GetRecords"] = awstest.Refuse(400, "ResourceNotFoundException")
		reader := r.Open(esm.From{})
		if _, err := reader.Read(t.Context(), 1); err == nil || awserr.Decided(err) {
			t.Errorf("read of a shard that is listed as open: %v", err)
		}
		r.Memory.Close(firstShard)
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrNoShard) {
			t.Errorf("read: %v", err)
		}
		r.Memory.Delete()
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrNoStream) {
			t.Errorf("read: %v", err)
		}
		if _, err := r.Stream.Open(t.Context(), firstShard, esm.From{After: "1"}); !errors.Is(err, esm.ErrNoStream) {
			t.Errorf("open: %v", err)
		}
		r.Answers["DescribeStream"] = awstest.Refuse(400, "AccessDeniedException") // what is gone stays open
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, ErrDenied) || awserr.Decided(err) {
			t.Errorf("read: %v", err)
		}
	})
}

// A shard is not given up if the service reports it gone only once, or a different error each time.
func TestShardIsGoneWhenReportedTwice(t *testing.T) {
	const expired, trimmed, gone = "ExpiredIteratorException", "TrimmedDataAccessException", "ResourceNotFoundException"
	for _, codes := range [][]string{{expired, gone}, {expired, trimmed}, {trimmed, gone}, {gone, gone}, {trimmed, trimmed}} {
		r := newRig(t)
		r.First("GetRecords", awstest.Refuse(400, codes[0]), awstest.Refuse(400, codes[1]))
		reader := r.Open(esm.From{})
		r.Memory.Close(firstShard)
		if _, err := reader.Read(t.Context(), 1); errors.Is(err, esm.ErrNoShard) != (codes[0] == codes[1]) || err == nil {
			t.Errorf("%s: %v", codes, err)
		}
	}
}

// A listing whose pages never end is an error.
func TestRepeatingPageOfShards(t *testing.T) {
	r := newRig(t)
	r.Answers["DescribeStream"] = func(awstest.Call) *awstest.Answer {
		return awstest.OK(map[string]any{"StreamDescription": map[string]any{"LastEvaluatedShardId": firstShard}})
	}
	if got, err := r.Stream.List(t.Context()); err == nil {
		t.Errorf("%+v", got)
	}
}
