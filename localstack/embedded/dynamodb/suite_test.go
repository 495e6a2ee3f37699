package dynamodb

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/sources/ddbstreams"
	"github.com/esm-run/esm/sources/sourcetest"
)

// latestStream is the source for the stream that the table has now.
type latestStream struct{ *ddbstreams.Stream }

// TestSource runs the suite of all streams.
func TestSource(t *testing.T) {
	sourcetest.RunStream(t, synctest.Test, func(t *testing.T) sourcetest.StreamFixture {
		c := newClient(t)
		latest := &latestStream{}
		create := func() {
			stream, err := ddbstreams.New(ddbstreams.Config{Client: c.streams, ARN: config.ParseSource(c.create("carts", "pk S")).ARN})
			c.must(err)
			latest.Stream = stream
		}
		create()
		puts := 0
		return sourcetest.StreamFixture{
			Stream: latest,
			Put: func(key, data string) {
				puts++
				c.put("carts", attributes{"pk": text(key), "data": text(data), "n": num(puts)})
			},
			Data:    func(rec esm.Record) string { return dataOf(t, rec) },
			Reshard: func(string) { c.roll("carts") },
			Trim:    func() { time.Sleep(retention) },
			Delete: func() {
				c.drop("carts")
				time.Sleep(retention)
			},
			Recreate: func() {
				c.drop("carts")
				create()
			},
			Tick: time.Second,
		}
	})
}

func (c *client) roll(table string) {
	c.t.Helper()
	c.must(c.server.RollOver(table))
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
