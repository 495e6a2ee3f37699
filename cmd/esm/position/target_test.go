package position

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
)

// full is a checkpoint with everything that one can have.
var full = esm.Checkpoint{
	Position: "17", Lanes: []string{"18", ""}, Drained: true,
	Owed:   []esm.Owed{{ID: "a", First: "18", Last: "19", Tries: 1}, {ID: "b", First: "20", Last: "22", Lane: 1, Tries: 3}},
	Window: &esm.Window{Start: seenAt, State: json.RawMessage(`{"secret":1}`), Final: true, Tries: 2, ID: "w"},
}

func FuzzTarget(f *testing.F) {
	f.Add("12", "")
	f.Add("12/3", "2026-02-03T04:05:06Z")
	f.Add("", "1770091506.789")
	f.Fuzz(func(t *testing.T, after, timestamp string) {
		now := time.Now()
		for _, arn := range []string{"arn:aws:kinesis:us-east-1:000000000000:stream/s", "arn:aws:dynamodb:us-east-1:000000000000:table/t"} {
			m := config.Mapping{EventSourceArn: arn}
			to := Target{After: after, Timestamp: timestamp}
			if to.check(m, now) != nil {
				continue
			}
			next := to.checkpoint(full, m, now)
			if (next.Position == "") == next.Since.IsZero() || next.Since.After(now) || len(next.Owed) > 0 {
				t.Errorf("%+v leads to %+v", to, next)
			}
		}
	})
}
