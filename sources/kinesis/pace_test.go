package kinesis

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/internal/awstest"
)

func TestPaceOfIdleShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		reader := r.Open(esm.From{})
		for range 3 {
			r.Read(reader, 10)
		}
		r.Put("a")
		r.Read(reader, 10)
		r.Read(reader, 10) // at once, as far as five a second allow
		r.Read(reader, 10)
		want := []time.Duration{time.Second, time.Second, time.Second, time.Second / 5, time.Second}
		if got := r.Gaps("GetRecords"); !slices.Equal(got, want) {
			t.Errorf("between the reads %v, want %v", got, want)
		}
	})
}

// An emulator is read as fast as it answers, and an idle shard as often as is configured.
func TestNoPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const poll = 100 * time.Millisecond
		r.stream.pace, r.stream.idlePoll = nil, poll
		reader := r.Open(esm.From{})
		for range 3 {
			r.Read(reader, 10)
		}
		for range 5 {
			r.Memory.Put("key", strings.Repeat("x", 1_000_000))
			r.Read(reader, 10)
		}
		r.Read(reader, 10)
		r.Read(reader, 10)
		want := []time.Duration{poll, poll, poll, 0, 0, 0, 0, 0, poll}
		if got := r.Gaps("GetRecords"); !slices.Equal(got, want) {
			t.Errorf("between the reads %v, want %v", got, want)
		}
	})
}

// A shard that is empty but behind is read again at AWS's pace on AWS, and as an idle shard elsewhere.
func TestEmptyReadsWhileBehind(t *testing.T) {
	for paced, want := range map[bool]time.Duration{true: time.Second / 5, false: time.Second / 10} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.stream.idlePoll = time.Second / 10
			if !paced {
				r.stream.pace = nil
			}
			usual := r.Answers["GetRecords"]
			r.Answers["GetRecords"] = func(c awstest.Call) *awstest.Answer {
				a := usual(c)
				a.Body.(map[string]any)["MillisBehindLatest"] = 1000
				return a
			}
			reader := r.Open(esm.From{})
			for range 4 {
				r.Read(reader, 10)
			}
			if got := r.Gaps("GetRecords"); !slices.Equal(got, []time.Duration{want, want, want}) {
				t.Errorf("between the reads %v, want %v", got, want)
			}
		})
	}
}

func TestPaceOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Memory.Put("", strings.Repeat("x", 1_000_000))
		reader := r.Open(esm.From{})
		r.Read(reader, 10)
		r.Read(reader, 10)
		if got := r.Gaps("GetRecords"); got[0] != time.Second/2 {
			t.Errorf("%s after a megabyte, want 500ms", got)
		}
	})
}

// peak returns the most calls of an operation within any second.
func (r *rig) peak(op string) (most int) {
	calls := r.Calls(op)
	for _, first := range calls {
		n := 0
		for _, c := range calls {
			if since := c.At.Sub(first.At); since >= 0 && since < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// Ten mappings of one stream together make no more calls than a shard allows, and each of them makes progress.
func TestPaceOfTenMappings(t *testing.T) {
	for _, slow := range []time.Duration{0, 2 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			usual := r.Answers["GetRecords"]
			r.Answers["GetRecords"] = func(c awstest.Call) *awstest.Answer {
				time.Sleep(slow)
				c.In["Limit"] = 1.0
				return usual(c)
			}
			const records = 30
			for i := range records {
				r.Put(fmt.Sprint(i))
			}
			var all sync.WaitGroup
			start := time.Now()
			for range 10 {
				s := streamOf(t, r.Service, streamARN, "", r.stream.pace)
				all.Go(func() {
					reader, err := s.Open(t.Context(), firstShard, esm.From{})
					if err != nil {
						t.Error(err)
						return
					}
					defer reader.Close()
					for got := 0; got < records; {
						recs, err := reader.Read(t.Context(), 100)
						if err != nil {
							t.Error(err)
							return
						}
						got += len(recs)
					}
				})
			}
			all.Wait()
			if n := len(r.stream.pace.shards); n != 0 {
				t.Errorf("%d paces of shards are kept", n)
			}
			for _, op := range []string{"GetRecords", "GetShardIterator"} {
				if n := r.peak(op); n > 5 {
					t.Errorf("answers take %s: %d calls of %s in a second", slow, n, op)
				}
			}
			if took := time.Since(start); took > (records+2)*2*time.Second+slow {
				t.Errorf("answers take %s: all took %s", slow, took)
			}
		})
	}
}

// The bytes of concurrent reads add up.
func TestPaceOfConcurrentReads(t *testing.T) {
	const readers, each, megabyte = 10, 20, 1_000_000
	for _, slow := range []time.Duration{0, time.Second, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			pace := (&Pace{}).enter(streamARN, firstShard)
			var all sync.WaitGroup
			start := time.Now()
			for range readers {
				all.Go(func() {
					for range each {
						if err := pace.read(t.Context(), time.Time{}); err != nil {
							t.Error(err)
							return
						}
						began := time.Now()
						time.Sleep(slow)
						pace.account(began, megabyte)
					}
				})
			}
			all.Wait()
			took, least := time.Since(start), time.Duration(readers*each*megabyte)*time.Second/bytesPerSecond
			t.Logf("answers take %s: all took %s", slow, took)
			if took < least-10*time.Second || took > least+10*time.Second {
				t.Errorf("answers take %s: all took %s, want %s", slow, took, least)
			}
		})
	}
}
