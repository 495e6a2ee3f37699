package dynamodb

import (
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/ddbstreams"
	"github.com/esm-run/esm/sources/sourcetest"
)

// follower is the stream of a table under the name that the latest one has.
type follower struct{ *ddbstreams.Stream }

// TestSource runs the suite of all sources: what polls a table's stream finds here what it finds on AWS.
func TestSource(t *testing.T) {
	sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
		r := newRig(t)
		open := &follower{}
		create := func() {
			stream, err := ddbstreams.New(ddbstreams.Config{Client: r.streams, ARN: r.create("carts", "pk S")})
			if err != nil {
				t.Fatal(err)
			}
			open.Stream = stream
		}
		create()
		puts := 0
		return sourcetest.StreamFixture{
			Stream: open,
			Put: func(key, data string) {
				puts++
				r.put("carts", attributes{"pk": text(key), "data": text(data), "n": num(puts)})
			},
			Data:    func(rec esm.Record) string { return dataOf(t, rec) },
			Reshard: func(string) { r.roll("carts") },
			Trim:    func() { time.Sleep(retention) },
			Delete: func() {
				r.drop("carts")
				time.Sleep(retention)
			},
			Recreate: func() {
				r.drop("carts")
				create()
			},
			Tick: time.Second,
		}
	})
}

func (r *rig) roll(table string) {
	r.Helper()
	if err := r.server.RollOver(table); err != nil {
		r.Fatal(err)
	}
}

func dataOf(t *testing.T, rec esm.Record) string {
	t.Helper()
	var e struct {
		Dynamodb struct {
			NewImage struct{ Data struct{ S string } }
		}
	}
	if err := json.Unmarshal(rec.Event, &e); err != nil {
		t.Fatal(err)
	}
	return e.Dynamodb.NewImage.Data.S
}

// A poller sees the changes of each item in their order, over roll-overs of many shards.
func TestOrderOverRollOvers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.server.Shards = 4
		arn := r.create("carts", "pk S")
		for i := range 300 {
			if i%40 == 39 {
				r.roll("carts")
			}
			r.put("carts", attributes{"pk": text(fmt.Sprint(i % 7)), "n": num(i)})
		}
		stream, err := ddbstreams.New(ddbstreams.Config{Client: r.streams, ARN: arn})
		if err != nil {
			t.Fatal(err)
		}
		listing, err := stream.List(t.Context())
		if err != nil || len(listing.Shards) != 4*8 {
			t.Fatalf("%d shards, %v", len(listing.Shards), err)
		}
		got, last := 0, map[string]string{}
		for _, rec := range r.all(arn) { // shards are listed oldest first
			got++
			key, number := fmt.Sprint(rec.Dynamodb.Keys["pk"]), *rec.Dynamodb.SequenceNumber
			if before := last[key]; len(before) > len(number) || len(before) == len(number) && before >= number {
				t.Errorf("%s after %s", number, before)
			}
			last[key] = number
		}
		if got != 300 {
			t.Errorf("%d records, want 300", got)
		}
	})
}
