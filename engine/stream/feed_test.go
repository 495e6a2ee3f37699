package stream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/checkpoint/checkpointtest"
	"github.com/esm-run/esm/config"
	"github.com/esm-run/esm/engine"
	"github.com/esm-run/esm/engine/enginetest"
	"github.com/esm-run/esm/sources/sourcetest"
	"github.com/esm-run/esm/trace"
)

// slowList is a stream that takes two seconds to list, and whose service's clock is off.
type slowList struct {
	esm.Stream
	ahead time.Duration
}

func (s slowList) List(ctx context.Context) (esm.Listing, error) {
	time.Sleep(2 * time.Second)
	listing, err := s.Stream.List(ctx)
	listing.Ahead = s.ahead
	return listing, err
}

// A record that is put as soon as the engine says that the feed has begun is not missed.
func TestLatestMissesNothingOnceItHasBegun(t *testing.T) {
	faults := sourcetest.InTurn(sourcetest.Undone(errors.New("slow down")))
	bubble(t, sourcetest.StreamConfig{ListFaults: faults}, enginetest.Succeed, func(r *rig) {
		r.feed.Shards.Start, r.feed.Stream = config.Latest, slowList{Stream: r.stream}
		r.put(5)
		r.Wait(time.Second)
		ctx, stop := context.WithCancel(r.Context())
		var e engine.Engine
		var running sync.WaitGroup
		running.Go(func() { e.Run(ctx, r.Context()) })
		<-e.Set("m", r.feed)
		r.stream.Put("key", "at once")
		r.Wait(time.Minute)
		stop()
		running.Wait()
		r.WantCalls("at once")
	})
}

// While a new stream cannot be listed the feed is not ready. When it is, a restart finds where reading started.
func TestReadyWhenPositionsAreDurable(t *testing.T) {
	down := errors.New("no route to host")
	faults := func(call int) sourcetest.Fault {
		if call <= 5 || call == 7 {
			return sourcetest.Undone(down)
		}
		return sourcetest.Fault{}
	}
	bubble(t, sourcetest.StreamConfig{ListFaults: faults}, enginetest.Succeed, func(r *rig) {
		r.feed.Shards.Start = config.Latest
		r.store.SaveFaults = func(int) checkpointtest.Fault {
			if isClosed(r.Ready) {
				r.Error("ready before the positions are saved")
			}
			return checkpointtest.Fault{}
		}
		r.put(5)
		r.runFor(time.Second)
		if isClosed(r.Ready) || len(enginetest.Events[trace.Listed](r.Rig)) > 0 {
			r.Error("ready while the stream cannot be listed")
		}
		if failing := enginetest.Events[trace.Failing](r.Rig); len(failing) == 0 || !errors.Is(failing[0].Err, down) {
			r.Errorf("reported %v", failing)
		}
		<-r.Ready
		r.crash()
		r.stream.Put("key", "while it was down")
		r.Wait(time.Hour)
		r.start() // the stream cannot be listed
		if !isClosed(r.Ready) {
			r.Error("not ready although the positions are durable")
		}
		r.Wait(time.Minute)
		r.WantCalls("while it was down")
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestLatestIsATimeOfTheServicesClock(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
		r.feed.Shards.Start, r.feed.Stream = config.Latest, slowList{r.stream, -time.Minute}
		began := time.Now()
		r.start()
		<-r.Ready
		all, _ := r.store.All(r.Context(), "m")
		for id, cp := range all {
			if since := began.Sub(cp.Since); since != time.Minute {
				r.Errorf("%q is read from %v before the start, want a minute", id, since)
			}
		}
		if len(all) != 2 {
			r.Errorf("kept %v", all)
		}
	})
}

func TestARecreatedStreamIsReadFromItsBeginning(t *testing.T) {
	bubble(t, sourcetest.StreamConfig{}, enginetest.Succeed, func(r *rig) {
		r.put(3)
		r.runFor(time.Minute)
		r.stream.Recreate()
		r.put(2)
		r.Wait(5 * time.Minute)
		r.WantCalls("1-3", "1-2")
		r.wantLost(nil)
	})
}

func TestShardsAreReadWhileListingFails(t *testing.T) {
	down := errors.New("slow down")
	faults := func(call int) sourcetest.Fault {
		if call > 1 && call < 10 {
			return sourcetest.Undone(down)
		}
		return sourcetest.Fault{}
	}
	bubble(t, sourcetest.StreamConfig{ListFaults: faults}, enginetest.Succeed, func(r *rig) {
		r.put(1)
		r.runFor(auditEvery + 2*time.Second)
		r.put(1)
		r.Wait(2 * time.Second)
		if got := r.stream.Lists(); got < 3 {
			r.Fatalf("listed %d times", got)
		}
		r.WantCalls("1", "1")
		if opens := r.stream.Opens(r.shard(0)); opens != 1 {
			r.Errorf("%d readers while listing fails", opens)
		}
		if failing := enginetest.Events[trace.Failing](r.Rig); len(failing) == 0 || !errors.Is(failing[0].Err, down) {
			r.Errorf("reported %v", failing)
		}
	})
}

func TestListed(t *testing.T) {
	for start, want := range map[string]trace.Listed{
		config.TrimHorizon: {Mapping: "m", Shards: 2, Reading: 2},
		config.Latest:      {Mapping: "m", Shards: 2}, // nothing is read
	} {
		bubble(t, sourcetest.StreamConfig{Shards: 2}, enginetest.Succeed, func(r *rig) {
			r.feed.Shards.Start = start
			for _, id := range r.stream.Shards() {
				r.stream.Close(id)
			}
			r.runFor(time.Second)
			if got := enginetest.Events[trace.Listed](r.Rig); len(got) == 0 || got[0] != want {
				r.Errorf("%s: reported %v, want %v first", start, got, want)
			}
		})
	}
}
