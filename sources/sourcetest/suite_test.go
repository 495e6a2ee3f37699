package sourcetest

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryQueue(t *testing.T) {
	for name, fifo := range map[string]bool{"standard": false, "FIFO": true} {
		t.Run(name, func(t *testing.T) {
			RunQueue(t, synctest.Test, func(*testing.T) Fixture {
				q := NewQueue(QueueConfig{Visibility: 5 * time.Second, FIFO: fifo})
				return Fixture{
					Queue:      q,
					Send:       func(body, group string) { q.Send(body, group) },
					FIFO:       fifo,
					Visibility: 5 * time.Second,
				}
			})
		})
	}
}

func TestMemoryStream(t *testing.T) {
	for name, cfg := range map[string]StreamConfig{
		"strict":    {},
		"forgiving": {Forgiving: true, EmptyEvery: 4, Lag: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			RunStream(t, synctest.Test, func(t *testing.T) StreamFixture {
				s := NewStream(cfg)
				return StreamFixture{
					Stream:   s,
					Put:      func(key, data string) { s.Put(key, data) },
					Reshard:  func(shard string) { s.Split(shard) },
					Merge:    func(a, b string) { s.Merge(a, b) },
					Trim:     func() { time.Sleep(time.Nanosecond); s.Trim(time.Now()) },
					Delete:   s.Delete,
					Recreate: s.Recreate,
				}
			})
		})
	}
}
