package kinesis

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

func TestGetRecordsLimit(t *testing.T) {
	for size, want := range map[int]int{1: 10_000, 200: 5000, 50_000: 20, 1_000_000: 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			reader := r.Open(esm.From{})
			r.Memory.Put("", strings.Repeat("x", size))
			r.Read(reader, 20_000)
			r.Read(reader, 20_000) // finds nothing, which changes nothing
			r.Read(reader, 20_000)
			calls := r.Calls("GetRecords")
			for i, want := range []int{firstRecords, want, want} {
				if got := calls[i].In["Limit"]; got != float64(want) {
					t.Errorf("read %d after a record of %d bytes asks for %v, want %d", i, size, got, want)
				}
			}
		})
	}
}

func TestRenewedIteratorBeforeFirstRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		at := time.Now()
		for _, from := range []esm.From{{}, {At: at}} {
			reader := r.Open(from)
			r.Read(reader, 1)
			time.Sleep(10 * time.Minute)
			r.Read(reader, 1)
			reader.Close()
		}
		var kinds []string
		for _, c := range r.Calls("GetShardIterator") {
			kinds = append(kinds, c.Text("ShardIteratorType"))
		}
		if want := []string{"TRIM_HORIZON", "TRIM_HORIZON", "AT_TIMESTAMP", "AT_TIMESTAMP"}; !slices.Equal(kinds, want) {
			t.Errorf("iterators %v, want %v", kinds, want)
		}
		if got := r.Calls("GetShardIterator")[3].In["Timestamp"]; got != float64(at.UnixMilli())/1000 {
			t.Errorf("timestamp %v", got)
		}
	})
}

func TestRecreatedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Put("a")
		reader := r.Open(esm.From{})
		r.Read(reader, 1)
		r.Memory.Recreate()
		r.Put("b")
		if _, err := reader.Read(t.Context(), 1); !errors.Is(err, esm.ErrForeign) {
			t.Errorf("read: %v", err)
		}
		r.Memory.Delete()
		for _, from := range []esm.From{{}, {After: "1"}} {
			if _, err := r.stream.Open(t.Context(), firstShard, from); !errors.Is(err, esm.ErrNoStream) {
				t.Errorf("open: %v", err)
			}
		}
	})
}

func TestListingPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		left, right := r.Memory.Split(firstShard)
		r.Memory.Merge(left, right)
		for range 3 {
			shards := r.Memory.Shards()
			r.Memory.Split(shards[len(shards)-1])
		}
		r.First("ListShards", r.Answers["ListShards"], awstest.Refuse(400, "ExpiredNextTokenException"))
		got, err := r.stream.List(t.Context())
		if err != nil || len(got.Shards) != len(r.Memory.Shards()) || got.Identity != "2026-03-04T04:53:21Z" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// A listing whose pages never end is an error.
func TestRepeatingPage(t *testing.T) {
	r := newRig(t)
	r.Answers["ListShards"] = func(awstest.Call) *awstest.Answer {
		return awstest.OK(map[string]any{"Shards": []any{}, "NextToken": "again"})
	}
	if _, err := r.stream.List(t.Context()); err == nil {
		t.Error("listed")
	}
}

// An answer without content is an error, not an empty stream.
func TestEmptyListings(t *testing.T) {
	r := newRig(t)
	empty := func(awstest.Call) *awstest.Answer { return awstest.OK(map[string]any{}) }
	r.First("DescribeStreamSummary", empty)
	r.First("ListShards", empty)
	for i, want := range []bool{false, false, true} { // the summary, then the shards
		if listing, err := r.stream.List(t.Context()); (err == nil) != want || len(listing.Shards) > 0 != want {
			t.Errorf("listing %d: %+v, %v", i, listing, err)
		}
	}
}

// A service that cuts the time of an iterator to the second, as LocalStack does, hands out what arrived before that time.
func TestRecordsBeforeStartTime(t *testing.T) {
	for name, first := range map[string]bool{"read with later records": false, "read first": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				usual := r.Answers["GetShardIterator"]
				r.Answers["GetShardIterator"] = func(c awstest.Call) *awstest.Answer {
					if at, timed := c.In["Timestamp"].(float64); timed {
						c.In["Timestamp"] = math.Floor(at)
					}
					return usual(c)
				}
				r.Put("before")
				time.Sleep(100 * time.Millisecond)
				reader := r.Open(esm.From{At: time.Now()})
				defer reader.Close()
				if got := []string(nil); first {
					if got = r.Read(reader, 10); len(got) > 0 {
						t.Errorf("read %q, want nothing", got)
					}
				}
				r.Put("at", "after")
				if got, want := r.Read(reader, 10), []string{"at", "after"}; !slices.Equal(got, want) {
					t.Errorf("read %q, want %q", got, want)
				}
			})
		})
	}
}
