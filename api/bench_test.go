package api

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/esm-run/esm"
)

// groupCommit writes values to a file. What arrives during a commit is written together by the next.
type groupCommit struct {
	db      *bolt.DB
	arrived chan write
	running sync.WaitGroup
}

type write struct {
	value   []byte
	written chan error
}

func openGroupCommit(b *testing.B) *groupCommit {
	db, err := bolt.Open(filepath.Join(b.TempDir(), "events.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	g := &groupCommit{db: db, arrived: make(chan write, 1000)}
	g.running.Go(g.run)
	b.Cleanup(func() { close(g.arrived); g.running.Wait(); db.Close() })
	return g
}

func (g *groupCommit) run() {
	var last uint64
	for first := range g.arrived {
		batch := []write{first}
		for len(g.arrived) > 0 {
			batch = append(batch, <-g.arrived)
		}
		err := g.db.Update(func(tx *bolt.Tx) error {
			events, err := tx.CreateBucketIfNotExists([]byte("events"))
			if err != nil {
				return err
			}
			for _, w := range batch {
				last++
				if err := events.Put(binary.BigEndian.AppendUint64(nil, last), w.value); err != nil {
					return err
				}
			}
			return nil
		})
		for _, w := range batch {
			w.written <- err
		}
	}
}

func (g *groupCommit) write(value []byte) error {
	w := write{value, make(chan error, 1)}
	g.arrived <- w
	return <-w.written
}

// Accept implements [esm.Acceptor].
func (g *groupCommit) Accept(_ context.Context, e esm.Event) error { return g.write(e.Payload) }

// ServeHTTP writes the body of a request.
func (g *groupCommit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = g.write(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// BenchmarkAccept compares 64 clients that send events of 1 KB with the same clients of a bare handler, which writes each body
// with the same group commit. Ratio is the API's throughput through that of the bare handler.
func BenchmarkAccept(b *testing.B) {
	const clients, events, turns = 64, 20, 20
	r := newRig(b)
	r.Async = openGroupCommit(b)
	server, bare := httptest.NewServer(r.guarded()), httptest.NewServer(openGroupCommit(b))
	defer server.Close()
	defer bare.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	payload := append(append([]byte(`{"text":"`), bytes.Repeat([]byte("x"), 1000)...), `"}`...)
	send := func(url string) time.Duration {
		began := time.Now()
		var all sync.WaitGroup
		for range clients {
			all.Go(func() {
				for range events {
					req, _ := http.NewRequestWithContext(b.Context(), "POST", url, bytes.NewReader(payload))
					req.Header.Set("X-Amz-Invocation-Type", "Event")
					resp, err := client.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if resp.StatusCode != http.StatusAccepted {
						b.Errorf("got status %d", resp.StatusCode)
					}
				}
			})
		}
		all.Wait()
		return time.Since(began)
	}
	var api, loop time.Duration
	for b.Loop() {
		for range turns { // in turn, so that other load on the machine slows both
			api += send(server.URL + invokePath)
			loop += send(bare.URL)
		}
	}
	b.ReportMetric(float64(loop)/float64(api), "ratio")
	b.ReportMetric(float64(b.N*clients*events*turns)/api.Seconds(), "events/s")
}
