package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// kilobyte returns an event as S3 sends it, with a payload of 1 KB.
func kilobyte(i int) esm.Event {
	now := time.Unix(1772600765, int64(i))
	return esm.Event{
		ID: fmt.Sprintf("7c1f6a52-0f0e-4d0a-9a3f-%012d", i), Function: "thumbnails",
		Payload: json.RawMessage(`"` + strings.Repeat("p", 1022) + `"`), Accepted: now, Due: now,
	}
}

func benchQueue(b *testing.B) *EventQueue {
	b.Helper()
	q, err := OpenEvents(filepath.Join(b.TempDir(), "events.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { q.Close() })
	return q
}

// fill adds a number of events without syncing each commit.
func (q *EventQueue) fill(b *testing.B, events int) {
	b.Helper()
	q.file.bolt.NoSync = true
	for i := 0; i < events; {
		err := q.file.change(b.Context(), func(tx *bolt.Tx) error {
			for end := min(i+10_000, events); i < end; i++ {
				e := kilobyte(i)
				if _, err := add(tx, e.Function, packEvent(e), e); err != nil {
					return err
				}
				q.moved.add(e.Function, 1, 0)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	q.file.bolt.NoSync = false
	if err := q.file.bolt.Sync(); err != nil {
		b.Fatal(err)
	}
}

// anonymousMemory returns the process's memory in megabytes, without pages of files: 0 where the system does not say.
func anonymousMemory(b *testing.B) (size float64) {
	b.Helper()
	runtime.GC()
	status, _ := os.ReadFile("/proc/self/status")
	if _, line, found := bytes.Cut(status, []byte("RssAnon:")); found {
		fmt.Sscan(string(line), &size)
	}
	return size / 1024
}

// BenchmarkOpenEvents opens a queue in which a million events of 1 KB wait, and takes the first of them.
func BenchmarkOpenEvents(b *testing.B) {
	const events = 1_000_000
	q := benchQueue(b)
	q.fill(b, events)
	if err := q.Close(); err != nil {
		b.Fatal(err)
	}
	var most float64
	for b.Loop() {
		q, err := OpenEvents(q.file.path)
		if err != nil {
			b.Fatal(err)
		}
		backlogs, err := q.Backlogs(b.Context())
		if err != nil || len(backlogs) != 1 || backlogs[0].Waiting != events {
			b.Fatalf("backlogs %+v (%v)", backlogs, err)
		}
		most = max(most, anonymousMemory(b))
		q.Close()
	}
	info, err := os.Stat(q.file.path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(most, "MB-RssAnon")
	b.ReportMetric(float64(info.Size())/(1<<20), "MB-file")
}

// BenchmarkAdds compares 64 goroutines that add events of 1 KB with as many that put the same bytes into a bare bbolt file,
// whose only loop commits what waits. ratio is the throughput of the former over that of the latter.
func BenchmarkAdds(b *testing.B) {
	const adders, rounds = 64, 10
	q := benchQueue(b)
	bare := openBare(b)
	var ours, theirs time.Duration
	for b.Loop() { // in turn, so that other load on the machine slows both
		start := time.Now()
		together(adders, func(int) {
			for i := range rounds {
				if _, err := q.Add(b.Context(), kilobyte(i)); err != nil {
					b.Error(err)
				}
			}
		})
		middle := time.Now()
		together(adders, func(int) {
			for i := range rounds {
				bare.put(packEvent(kilobyte(i)).seal(0))
			}
		})
		ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
	}
	b.ReportMetric(float64(theirs)/float64(ours), "ratio")
	b.ReportMetric(float64(ours)/float64(b.N*adders*rounds), "ns/add")
	b.ReportMetric(float64(theirs)/float64(b.N*adders*rounds), "ns/bare-put")
}

func together(goroutines int, do func(i int)) {
	var all sync.WaitGroup
	for i := range goroutines {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// bareFile is a bbolt file whose loop commits together what several goroutines put.
type bareFile struct {
	puts chan barePut
}

type barePut struct {
	value []byte
	done  chan struct{}
}

func openBare(b *testing.B) *bareFile {
	b.Helper()
	db, err := bolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		b.Fatal(err)
	}
	f := &bareFile{puts: make(chan barePut, 1_000)}
	var loop sync.WaitGroup
	loop.Go(func() {
		for first := range f.puts {
			if err := db.Update(func(tx *bolt.Tx) error { return f.commit(tx, first) }); err != nil {
				b.Error(err)
			}
		}
	})
	b.Cleanup(func() { close(f.puts); loop.Wait(); db.Close() })
	return f
}

// put returns when value is durable.
func (f *bareFile) put(value []byte) {
	p := barePut{value, make(chan struct{})}
	f.puts <- p
	<-p.done
}

func (f *bareFile) commit(tx *bolt.Tx, p barePut) error {
	values, err := tx.CreateBucketIfNotExists(allEvents)
	if err != nil {
		return err
	}
	for range 1_000 {
		place, err := values.NextSequence()
		if err != nil {
			return err
		}
		if err := values.Put(placeKey(place), p.value); err != nil {
			return err
		}
		done := p.done
		tx.OnCommit(func() { close(done) })
		select {
		case p = <-f.puts:
		default:
			return nil
		}
	}
	return nil
}

// BenchmarkTakeAndFinish takes 10,000 waiting events, a hundred at a time, and finishes them from 64 goroutines.
func BenchmarkTakeAndFinish(b *testing.B) {
	const events = 10_000
	q := benchQueue(b)
	for b.Loop() {
		b.StopTimer()
		q.fill(b, events)
		b.StartTimer()
		places := make(chan uint64, 100)
		var finishing sync.WaitGroup
		finishing.Go(func() {
			together(64, func(int) {
				for place := range places {
					if err := q.Finish(b.Context(), place); err != nil {
						b.Error(err)
					}
				}
			})
		})
		for left := events; left > 0; {
			taken, _, err := q.Take(b.Context(), "thumbnails", time.Now(), 100)
			if err != nil || len(taken) == 0 {
				b.Fatalf("took %d (%v), %d are left", len(taken), err, left)
			}
			for _, e := range taken {
				places <- e.Place
			}
			left -= len(taken)
		}
		close(places)
		finishing.Wait()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N*events), "ns/event")
}
