package sqs

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/esm-run/esm"
	"github.com/esm-run/esm/sources/sourcetest"
)

// played is a service whose messages are those of a queue in memory.
type played struct {
	memory *sourcetest.Queue

	mu      sync.Mutex
	handles map[string]esm.Record
}

func (p *played) receive(c call) *answer {
	wait := time.Duration(c.in["WaitTimeSeconds"].(float64)) * time.Second
	recs, err := p.memory.Receive(c.ctx, int(c.in["MaxNumberOfMessages"].(float64)), wait)
	if err != nil {
		return nil
	}
	var out []map[string]any
	for _, r := range recs {
		var m events.SQSMessage
		if err := json.Unmarshal(r.Event, &m); err != nil {
			return refused(http.StatusInternalServerError, "InternalFailure")
		}
		out = append(out, map[string]any{
			"MessageId": m.MessageId, "ReceiptHandle": m.ReceiptHandle,
			"Body": m.Body, "MD5OfBody": m.Md5OfBody, "Attributes": m.Attributes,
		})
		p.mu.Lock()
		p.handles[r.Receipt] = r
		p.mu.Unlock()
	}
	return messages(out...)
}

func (p *played) delete(c call) *answer {
	return p.each(c, func(r esm.Record) error { _, err := p.memory.Delete(c.ctx, []esm.Record{r}); return err })
}

func (p *played) release(c call) *answer {
	return p.each(c, func(r esm.Record) error { return p.memory.Release(c.ctx, []esm.Record{r}) })
}

func (p *played) each(c call, do func(esm.Record) error) *answer {
	var done []map[string]any
	for _, e := range c.in["Entries"].([]any) {
		entry := e.(map[string]any)
		p.mu.Lock()
		rec := p.handles[entry["ReceiptHandle"].(string)]
		p.mu.Unlock()
		if err := do(rec); err != nil {
			return nil
		}
		done = append(done, map[string]any{"Id": entry["Id"]})
	}
	return ok(map[string]any{"Successful": done})
}

func TestSuiteOverTheWire(t *testing.T) {
	for name, arn := range map[string]string{"standard": standardARN, "FIFO": fifoARN} {
		t.Run(name, func(t *testing.T) {
			sourcetest.RunQueue(t, synctest.Test, func(t *testing.T) sourcetest.Fixture {
				fifo := strings.HasSuffix(arn, ".fifo")
				memory := sourcetest.NewQueue(sourcetest.QueueConfig{FIFO: fifo})
				p := &played{memory: memory, handles: map[string]esm.Record{}}
				s := &service{receive: p.receive, delete: p.delete, release: p.release}
				return sourcetest.Fixture{
					Queue:      s.queue(t, arn),
					Send:       func(body, group string) { memory.Send(body, group) },
					FIFO:       fifo,
					Visibility: 30 * time.Second,
				}
			})
		})
	}
}
