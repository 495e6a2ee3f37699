package kinesis

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// fill puts n records of 200 bytes.
func fill(b testing.TB, c *client, n int) {
	data := bytes.Repeat([]byte("x"), 200)
	entries := make([]types.PutRecordsRequestEntry, maxEntries)
	for i := range entries {
		entries[i] = types.PutRecordsRequestEntry{Data: data, PartitionKey: aws.String("key-" + strconv.Itoa(i))}
	}
	for range n / maxEntries {
		if _, err := c.PutRecords(context.Background(), &sdk.PutRecordsInput{StreamName: c.name, Records: entries}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGetRecords measures 10,000 records of 200 bytes on a socket.
func BenchmarkGetRecords(b *testing.B) {
	c := onSocket(b, 1)
	fill(b, c, maxRead)
	body := `{"ShardIterator":"` + *c.iterator(0, trimHorizon, nil) + `"}`
	for b.Loop() {
		r, _ := http.NewRequest("POST", *c.Options().BaseEndpoint, strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "Kinesis_20131202.GetRecords")
		resp, err := c.Options().HTTPClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		n, _ := new(bytes.Buffer).ReadFrom(resp.Body)
		resp.Body.Close()
		b.SetBytes(n)
	}
}

// BenchmarkPutRecords puts 500 records of 200 bytes with a real SDK client.
func BenchmarkPutRecords(b *testing.B) {
	c := onSocket(b, 4)
	for b.Loop() {
		fill(b, c, maxEntries)
	}
}
