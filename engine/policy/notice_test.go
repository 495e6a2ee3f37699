package policy_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/engine/policy"
)

func TestNotice(t *testing.T) {
	recs := records(6, 10)
	recs[4].Arrived = began.Add(time.Second)
	now := began.Add(time.Minute)
	common := esm.Notice{Mapping: origin.Mapping, Time: now, RequestID: "id", FunctionArn: origin.FunctionArn}
	batch := func(size int, first, last esm.RecordMark) *esm.StreamBatch {
		return &esm.StreamBatch{Source: origin.Source, Shard: origin.Shard, Size: size, First: first, Last: last}
	}
	response := &esm.NoticeResponse{Status: 200, Version: "7", Fault: "Unhandled"}

	exhausted := common
	exhausted.Condition, exhausted.Invokes, exhausted.Response = "RetryAttemptsExhausted", 3, response
	first := esm.RecordMark{SequenceNumber: "6", Arrived: began}
	exhausted.Stream = batch(5, first, esm.RecordMark{SequenceNumber: "10", Arrived: recs[4].Arrived})

	expired := common
	expired.Condition, expired.Invokes = "RecordAgeExceeded", 1
	expired.Stream = batch(4, first, esm.RecordMark{SequenceNumber: "9", Arrived: began})

	final := common
	final.Condition, final.Invokes, final.Response = "RetryAttemptsExhausted", 1, response
	final.Stream = batch(0, esm.RecordMark{}, esm.RecordMark{})

	r := policy.Run{ID: "id", Records: recs}
	old, _ := policy.Stream{MaxAge: time.Minute}.Expire(r, now)
	for _, test := range []struct {
		name string
		run  policy.Run
		step policy.Step
		want esm.Notice
	}{
		{"no retry is left", r, policy.Step{Dropped: recs, Settled: recs, Why: esm.RetryAttemptsExhausted, Count: 3, Response: response}, exhausted},
		{"too old", r, old, expired},
		{"a final invocation", policy.Run{ID: "id"}, policy.Step{Why: esm.RetryAttemptsExhausted, Count: 1, Response: response}, final},
	} {
		if got := origin.Notice(test.run, test.step, now); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got\n%+v, want\n%+v", test.name, got, test.want)
		}
	}
	ended := half.Close(window(0, `{}`), "final")
	if got, want := *half.Notice(ended), (esm.NoticeWindow{Start: start, End: start.Add(30 * time.Second), Final: true}); got != want {
		t.Errorf("window %+v, want %+v", got, want)
	}
}
