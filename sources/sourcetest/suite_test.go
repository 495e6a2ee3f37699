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
