package sqs

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
)

const typicalBody = `{"order":42,"note":"a typical small message"}`

// BenchmarkHandler receives and deletes messages without SDK and socket: the server's own work per message.
func BenchmarkHandler(b *testing.B) {
	s := new(Server)
	mustPost(b, s, "CreateQueue", `{"QueueName":"q"}`)
	for range b.N {
		s.named("q").accept(sendEntry{MessageBody: typicalBody})
	}
	r, _ := http.NewRequest("POST", "http://host:1/", nil)
	perform := func(operation string, body []byte) []byte {
		out, err := api.Operations[operation](s, r, body)
		if err != nil {
			b.Fatal(err)
		}
		return out
	}
	b.ResetTimer()
	for done := 0; done < b.N; done += 10 {
		body := perform("ReceiveMessage", []byte(`{`+queueURL+`,"MaxNumberOfMessages":10,"MessageSystemAttributeNames":["All"],"MessageAttributeNames":["All"]}`))
		b.StopTimer()
		request := deletionOf(body)
		b.StartTimer()
		perform("DeleteMessageBatch", request)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func deletionOf(received []byte) []byte {
	var got struct {
		Messages []struct{ ReceiptHandle string }
	}
	json.Unmarshal(received, &got)
	in := batch[deleteEntry]{queueInput: queueInput{"http://host:1/000000000000/q"}}
	for i, m := range got.Messages {
		in.Entries = append(in.Entries, deleteEntry{entryID{strconv.Itoa(i)}, m.ReceiptHandle})
	}
	body, _ := json.Marshal(in)
	return body
}
