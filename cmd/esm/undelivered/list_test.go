package undelivered

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/cmd/esm/datadir"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/mappings"
)

// UUIDs of mappings: one with a destination, one without, and one that was removed.
const (
	clicksID = "00000000-0000-4000-8000-000000000001"
	viewsID  = "00000000-0000-4000-8000-000000000002"
	goneID   = "00000000-0000-4000-8000-00000000000f"
)

// keeping returns a store that keeps a notice of each mapping, for a destination.
func keeping(t *testing.T, destinations ...string) *checkpointtest.Memory {
	t.Helper()
	store := &checkpointtest.Memory{}
	mark := esm.RecordMark{SequenceNumber: "18", Arrived: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	for i, destination := range destinations {
		n := esm.Notice{
			ID: []string{"one", "two", "three"}[i], Mapping: []string{clicksID, viewsID, goneID}[i], Time: mark.Arrived, RequestID: "r",
			Condition: "RetryAttemptsExhausted", Invokes: 3, Response: &esm.NoticeResponse{Status: 200, Version: "$LATEST", Fault: "Unhandled"},
			Stream: &esm.StreamBatch{
				Source: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", Shard: "shardId-000", First: mark, Last: mark, Size: 1,
			},
			Payload: json.RawMessage(`{"Records":[]}`),
		}
		if err := store.Keep(t.Context(), n, destination, "gone\naway"); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func TestWriteTable(t *testing.T) {
	clicks := config.Mapping{UUID: clicksID, FunctionName: "f", EventSourceArn: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks"}
	known := []datadir.Mapping{{Mapping: clicks, Origin: mappings.OriginFile}}
	var out strings.Builder
	err := WriteTable(&out, keeping(t, oldQueue, oldQueue).Undelivered(t.Context()), known)
	got := strings.Join(strings.Fields(out.String()), " ")
	rest := " shardId-000 1 RetryAttemptsExhausted " + oldQueue + " gone away"
	first, second := " f ← clicks"+rest+" two ", " "+viewsID+" (removed)"+rest
	if err != nil || !strings.Contains(got, first) || !strings.HasSuffix(got, second) || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("got %v\n%s", err, &out)
	}
}

func TestWriteJSON(t *testing.T) {
	for _, payload := range []bool{false, true} {
		var out strings.Builder
		if err := WriteJSON(&out, keeping(t, oldQueue, oldQueue).Undelivered(t.Context()), payload); err != nil {
			t.Fatal(err)
		}
		var first Document
		if err := json.NewDecoder(strings.NewReader(out.String())).Decode(&first); err != nil || strings.Count(out.String(), "\n") != 2 {
			t.Fatalf("%v\n%s", err, &out)
		}
		if first.ID != "one" || first.Mapping != clicksID || first.First.SequenceNumber != "18" || first.Reason != "gone\naway" || time.Since(first.Kept) > time.Hour {
			t.Errorf("got %+v", first)
		}
		if (string(first.Payload) == `{"Records":[]}`) != payload {
			t.Errorf("the payload is %s", first.Payload)
		}
	}
}
